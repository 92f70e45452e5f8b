"The page as a file: all of it in one, and nothing from elsewhere. What a person sees of it is in test_share_web_browser."
import re, shutil, subprocess

import pytest

from tinychat.share.page import PAGE_CSS, PAGE_SCRIPT, POLICY, chat_page, hash_source

def test_one_file_that_its_own_policy_lets_run():
    page = chat_page()
    assert [*re.findall(r'<script[^>]*>(.*?)</script>', page, re.S)] == [PAGE_SCRIPT] and re.findall(r'<style>(.*?)</style>', page, re.S) == [PAGE_CSS]
    assert hash_source(PAGE_SCRIPT) in POLICY and hash_source(PAGE_CSS) in POLICY and 'unsafe' not in POLICY and '*' not in POLICY
    assert not re.search(r'https?:|//\w|<link(?![^>]*data:)|\son\w+=|\sstyle=', page) # nothing from elsewhere, and no code in attributes

def test_every_control_has_a_name_and_every_script_its_element():
    page = chat_page()
    ids = {*re.findall(r'\sid="([\w-]+)"', page)}
    assert {*re.findall(r"\$\('([\w-]+)'\)", PAGE_SCRIPT)} <= ids
    assert all('aria-label' in tag or f'<label>' in page for tag in re.findall(r'<textarea[^>]*>', page))

def test_it_is_javascript(tmp_path):
    node = shutil.which('node') or pytest.skip('node is missing')
    (tmp_path/'page.js').write_text(PAGE_SCRIPT)
    assert subprocess.run([node, '--check', tmp_path/'page.js'], capture_output=True).returncode == 0
