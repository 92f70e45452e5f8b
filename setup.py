"The package's facts stand in settings.ini, and this reads them there."
import re
from configparser import ConfigParser
from pathlib import Path
from setuptools import find_packages, setup

here = Path(__file__).parent
config = ConfigParser(delimiters=['='])
config.read(here/'settings.ini', encoding='utf-8')
fact = config['DEFAULT']

def absolute(text):
    "PyPI shows the README without the repository around it: its links, and above all its pictures, need the whole address."
    def whole(m): return f"{m[1]}{fact['git_url']}/{'raw' if m[1].startswith('!') else 'blob'}/{fact['branch']}/{m[2]}"
    return re.sub(r'(!?\[[^\]]*\]\()(?![a-z]+:|#)([^)\s]+)', whole, text)

setup(
    name=fact['lib_name'],
    version=fact['version'],
    description=fact['description'],
    long_description=absolute((here/'README.md').read_text(encoding='utf-8')),
    long_description_content_type='text/markdown',
    keywords=fact['keywords'].split(),
    author=fact['author'],
    author_email=fact['author_email'],
    license=fact['license'],
    python_requires='>=' + fact['min_python'],
    packages=find_packages(include=[fact['lib_path'], fact['lib_path'] + '.*']),
    install_requires=fact['requirements'].split(),
    extras_require={extra: fact[f'{extra}_requirements'].split() for extra in ('demo', 'gguf', 'hub', 'web', 'bot', 'page', 'evaluate', 'dev')},
    include_package_data=True,
    zip_safe=False,
    entry_points={
        'console_scripts': fact['console_scripts'].split(),
        'nbdev': [f"{fact['lib_name']}={fact['lib_path']}._modidx:d"],
    },
)
