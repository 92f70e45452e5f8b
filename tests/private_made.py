"""Private strings by the hundred, made from seeds: nobody's, and as people write them. And lines in which nothing is private.

    made(kind, n, seed)   [(message, its private part)]
    ordinary_lines(n)     messages of people who do not know each other, and made-up ones full of harmless numbers

In a template `{a|b}` is one of several, `{street}` one of WORDS, # a digit, % one that is not 0, ^ a capital and ~ a gap."""
import base64, random, re
from importlib import import_module

WORDS = {k: v.split('|') for k, v in dict(
    first='ann|tom|lea|jonas|priya|marta|yusuf|olga|nils|chloe', last='miller|novak|berg|costa|khan|weber|rossi|dubois|silva|olsen',
    site='mail|fastpost|webbox|gmail|posteo|example|hotmail|mymail|yahoo|outlook', tld='com|org|net|io|de|fr|co.uk|es|it|info',
    noun='banana|sunshine|dragon|gitarre|chocolat|mariposa|tulipan|football|rainbow|pizza|zebra|kaffee|whiskers|thunder|orchid',
    name='oak|maple|chestnut|willow|station|mill|church|garden|river|highfield|victoria|linden|cedar|park|elm|orchard|meadow|stanley|cherry hill|kings cross',
    deu='haupt|linden|bahnhof|schiller|goethe|garten|kirch|mozart|wald|berg|rosen|schul|mühlen|wiesen', fra='victor hugo|de la paix|du bac|des lilas|pasteur|de la gare|jean moulin|du moulin|des acacias|voltaire',
    spa='mayor|de la luna|san juan|cervantes|del sol|colón|de alcalá|libertad|goya|juárez', ita='roma|dante|garibaldi|verdi|mazzini|dei mille|manzoni|san marco|torino|cavour',
    por='das flores|augusta|do ouro|da prata|são bento|santa catarina|paulista|dos anjos', pol='długa|lipowa|polna|kwiatowa|mickiewicza|szkolna|ogrodowa|krótka', nld='kerk|dorps|molen|school|stations|nieuw|linden|wilhelmina',
    swe='stor|kungs|drottning|skol|björk|park|ring|söder', rus='ленина|пушкина|гагарина|мира|садовая|чехова|победы|лесная').items()}

def fill(template, rng):
    "A template with everything chosen."
    def pick(m):
        options = m[1].split('|')
        return rng.choice(WORDS.get(m[1], options))
    while '{' in template: template = re.sub(r'\{([^{}]*)\}', pick, template)
    kinds = {'#': '0123456789', '%': '123456789', '^': 'ABCDEFGHJKLMNPRSTUVWXYZ'}
    return re.sub('[#%^]', lambda m: rng.choice(kinds[m[0]]), template)

def token(rng, n, letters='abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'):
    return ''.join(rng.choice(letters) for _ in range(n))

# Country code, what comes before a number at home, the number itself
PHONES = '''1  {{201|312|415|512|646|718|801|919}}~{2|3|4|5|6|7|8|9}##~####
44 0 7{4|5|7|8|9}##~######
44 0 20~7###~####
49 0 1{51|60|70|71|72|76}~#######
49 0 30~%#######
33 0 {6|7}~%#~##~##~##
33 0 {1|2|4}~%#~##~##~##
34  6##~##~##~##
34  9{1|3|5}%~###~###
39  3{2|3|4}%~###~####
55  {11|21|31|41|51}~9{6|7|8|9}###~####
91  {9|8|7}####~#####
86  1{3|5|8}%~####~####
81 0 {8|9}0~%###~####
82 0 10~%###~####
7 8 9{0|1|2|6}%~###~##~##
61 0 4##~###~###
31 0 6~%#######
31 0 20~%##~####
48  {5|6|7}{0|1|3}#~###~###
90 0 5{3|4|5}%~###~##~##
46 0 7{0|2|3|6}~%##~##~##
41 0 7{6|7|8|9}~%##~##~##
43 0 66{0|4}~%######
27 0 8{2|3}~%##~####
972 0 5{0|2|4}~%##~####
351  9{1|2|3|6}#~###~###
30  69%~###~####
32 0 4{7|8|9}%~##~##~##
62 0 81{2|3}~%###~####
380 0 {50|67|97}~%##~##~##
52  {55|33|81}~%###~####
47  {4|9}##~##~###
45  {2|3|4|5}#~##~##~##'''.split('\n')
CALL = ['{call|text|ring} me {on|at} *', 'my number is *', '*', '*', 'new phone: *', '* is mums number', 'whatsapp * pls', 'tel. *', 'hey its tom, *', 'meine handynummer: *', 'mon numéro: *', 'mi móvil *', 'so here you go *']

def phone(rng, how):
    cc, trunk, number = rng.choice(PHONES).split(' ')
    number = fill(number, rng)
    if how == 'abroad':
        gap = rng.choice([' ', '-', '', '.'])
        said = rng.choice(['+', '+', '00']) + cc + rng.choice([gap, gap, ' (0)' if trunk == '0' else gap]) + number.replace('~', gap)
    elif how == 'spaced':
        gap, first = rng.choice([' ', '-', '.']), trunk + number.split('~')[0]
        said = (f'({first}) ' if rng.random() < .3 and cc not in ('34', '48', '47', '45', '351', '30', '91', '86') else first + gap) + gap.join(number.split('~')[1:])
    else: said = trunk + number.replace('~', '')
    short = cc in ('47', '45') and how != 'abroad' # eight digits say nothing by themselves
    return fill(rng.choice(CALL[:2] if short else CALL), rng), said

def email(rng, how):
    who = fill('{{first}{.|_|}{last}|{first}##|{first}}', rng)
    where = fill('{site}.{tld}', rng)
    if how == 'spelled':
        at, dot = rng.choice([(' at ', ' dot ')]*4 + [(' AT ', ' DOT '), (' (at) ', ' (dot) '), ('[at]', '[dot]'), (' arroba ', ' punto '), (' arobase ', ' point '), (' ät ', ' punkt '), (' [at] ', '.')])
        said = who.replace('.', dot).replace('_', rng.choice([' underscore ', '_'])) + at + where.replace('.', dot)
    else: said = rng.choice([f'{who} @ {where}', f'{who}@ {where}', f'{who} @{where}', f'{who}@{where.replace(".", " . ")}', f'{who}@{where}', f'{who}(at){where}', f'{who.upper()}@{where}'])
    return rng.choice(['mail me: *', '*', 'its *', 'my email is *', 'send it to * thanks', 'e-mail: *', 'mi correo es *', '* works best']), said

def password(rng, how):
    strong = fill('{{noun}##|{noun}!#|{noun}-####|^%{noun}|{noun}_{noun}#|{noun}$$##|%#%#{noun}}', rng) if rng.random() < .8 else token(rng, 10) + '7'
    weak = rng.choice(WORDS['noun'])
    named = ['my password is *', 'pw: *', 'wifi password: *', 'the wifi password is *', 'pass: *', 'password *', 'pwd = *', 'passwort: *', 'das wlan passwort ist *', 'contraseña: *', 'la contraseña es *', 'mot de passe : *', 'mdp *', 'senha: *', 'hasło: *', 'wachtwoord is *', 'la password è *', 'пароль: *', 'netflix pw is *', 'password for the laptop is *', 'login tom, password *', 'wifi: Gast24 / pw: *', 'passphrase: *', 'lösenord: *', 'şifre: *', '密码：*', 'パスワードは *', 'your new password is *', 'try password * again', 'i changed the pw to *', 'pw for the router: *', "the wifi's password is *", 'wifi pass *', 'secret key: *', 'my api key is *']
    return (rng.choice(['my password is *', 'pw: *', 'the wifi password is *', 'passwort: *', 'password: *', 'contraseña: *', 'mot de passe: *', 'senha: *', 'its my cat, password is *']), weak) if rng.random() < .2 else (rng.choice(named), strong)

def key(rng, how):
    part = lambda n: base64.urlsafe_b64encode(bytes(rng.randrange(256) for _ in range(n))).decode().rstrip('=')
    jwt = 'eyJ' + base64.urlsafe_b64encode(b'hbGciOiJIUzI1NiJ9').decode().rstrip('=') + '.eyJ' + part(30) + '.' + part(32)
    said = rng.choice(['sk-' + token(rng, 48), 'sk-proj-' + part(40), 'sk-ant-api03-' + part(40), 'sk_live_' + token(rng, 24), 'ghp_' + token(rng, 36), 'gho_' + token(rng, 36), 'github_pat_' + token(rng, 22) + '_' + token(rng, 40), 'AKIA' + token(rng, 16, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'), 'AIza' + part(26), 'xoxb-' + fill('%###########-%###########-', rng) + token(rng, 24), 'hf_' + token(rng, 34), 'glpat-' + token(rng, 20), 'npm_' + token(rng, 36), jwt, jwt, 'sk-' + token(rng, 20), 'AKIA' + token(rng, 16, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567')])
    return rng.choice(['*', 'use this: *', 'OPENAI_API_KEY=*', 'my key is *', 'token: *', 'export KEY="*"', 'Bearer *', 'dont share *, ok?', 'the key (*) still works', 'here *']), said

SEED = 'abandon ability absent acid across actor adult agent album amount anchor apple arena arrow atom autumn bacon bamboo banner basket beach benefit bicycle blanket bonus bottom brave breeze bubble buffalo burger cabbage cactus camera canyon carbon castle catalog census cereal cherry chimney circle citizen clarify clown coconut coral couple cradle cruise curtain dawn decline denial desert diamond dinosaur dolphin dragon dune eagle echo elbow elephant empower engine escape exotic fabric faculty famous feather fiction flavor flock forest fossil frozen gadget galaxy garlic gentle ghost giraffe glimpse goddess gorilla grape guitar hammer harvest hazard helmet hobby horror hybrid icon impulse injury island ivory jaguar jelly jungle kangaroo kidney kitchen ladder lava lemon liberty lizard lobster magnet mango marble matrix melody mimic mosquito muffin mystery napkin nephew noodle novel oak object ocean olive onion orbit ostrich oyster panda parrot peanut pencil phrase pigeon planet pottery prosper pulse puzzle quantum rabbit radar raven recipe ribbon ritual rocket saddle salmon scrub shaft siren skull sniff spider stadium sugar swallow tattoo ticket tornado trophy tunnel umbrella uncle unveil vacuum velvet vintage volcano walnut weapon wheat window winter yellow zebra zone'.split()
def seed_words(rng, how):
    words = [rng.choice(SEED) for _ in range(rng.choice([12, 12, 24]))]
    said = ' '.join(f'{n}. {w}' for n, w in enumerate(words, 1)) if rng.random() < .15 else rng.choice([' ', ' ', ' ', ', ', '\n']).join(words)
    return rng.choice(['*', '*', 'seed phrase: *', 'my recovery phrase is *', 'wallet words: *', 'keep this safe: *', 'seed words\n*', 'mnemonic: *', 'die zwölf wörter: *', 'ledger backup *']), said

def code(rng, how):
    said = fill(rng.choice(['19##', '20{0|1|2}#', '######', '####', '###-###', '### ###', '#####', '########']), rng)
    # A year right after `code` may be anything, so there another word says what it is
    return rng.choice(['your code is *', '* is your verification code', 'your verification code: *', 'the door code is *', 'gate code *', 'PIN: *', 'my pin is *', 'pin *', 'OTP *', 'otp is *', 'use * to log in', 'enter * to confirm', 'G-*'.replace('G-*', '* is your Google code'), 'dein code lautet *', 'Bestätigungscode: *', 'die pin ist *', 'tu código es *', 'código de verificación: *', 'votre code est *', 'code de vérification : *', 'il tuo codice è *', 'seu código é *', 'ваш код: *', '验证码：*', '認証コード: *', '인증번호 *', 'kod to *', 'je code is *', 'doğrulama kodu: *', 'security code: *', 'the alarm code is *', 'lockbox code: *', 'code for the gate is *', 'bank sent me code *', 'passcode *', 'sms code: *', 'your one-time password is *', 'my card pin is *']), said

STREETS = '''{%|%#|%##} {name} {street|street|st|road|rd|avenue|ave|lane|drive|court|close|way|place|blvd}
%{a|b|} {name} {street|road|avenue}
%## {n|s|e|w|north|west} {name} {st|ave|rd}
{deu}{straße|strasse|str.|str|weg|gasse|allee|platz} %{a|b||#}
{deu}er {straße|str.|allee} %#
{%|%#|%##}{ bis||,} {rue|avenue|boulevard|chemin|impasse|place|allée} {fra}
rue {fra} %#
{calle|c/|avenida|av.|plaza|paseo} {spa}{,|} %#
{via|viale|corso|piazza|largo} {ita}{,|} %#
{rua|avenida|av.|travessa|praça} {por}{,|} %##
{ul.|ulica|ul|al.} {pol} %#{/#||a}
{nld}{straat|laan|weg|plein|gracht|kade} %#{a||}
{swe}{gatan|vägen} %#
{ул.|улица|ул|проспект|пер.} {rus}{,|} {д. |}%#
{swe}veien %#
{kossuth|petőfi|rákóczi} {utca|út|tér} %#
{atatürk|bağdat|cumhuriyet} {caddesi|sokak|cad.} {no:|no |}%#
jl. {sudirman|merdeka|diponegoro} {no. |no |}%#
{רחוב|רח'} {הרצל|אלנבי|ביאליק} %#
شارع {التحرير|النيل|الملك فهد} %#
{中山|人民|解放|建设}{路|街}%#号'''.split('\n')
def address(rng, how):
    said = fill(rng.choice(STREETS), rng)
    if rng.random() < .2: said = said.title()
    return rng.choice(['*', '*', 'i live at *', 'we are at *', 'my address is *', 'address: *', 'come to *', 'send it to * please', 'party at *!', 'meet you at *, ok?', 'ich wohne {in der |}*', 'vivo en *', "j'habite *", 'abito in *', 'moro na *', 'mieszkam na *', 'new place: *', "it's * btw", 'drop me at *']).replace('{in der |}', ''), said

LINKS = ['chat.whatsapp.com/@22', 't.me/+@16', 't.me/joinchat/@16', 'discord.gg/@8', 'discord.com/invite/@10', 'paypal.me/{first}{last}', 'paypal.me/{first}{last}/25', 'www.paypal.com/paypalme/{first}{last}', 'venmo.com/{first}-{last}-#', 'venmo.com/u/{first}-{last}', 'account.venmo.com/u/{first}{last}', 'revolut.me/{first}##', 'cash.app/${first}{last}', 'monzo.me/{first}{last}', 'wise.com/pay/me/{first}{last}', 'bunq.me/{first}{last}', 'tikkie.me/pay/@12', 'buy.stripe.com/@20', 'wa.me/4915#########', 'signal.group/#@30', 'm.me/{first}.{last}', 'zoom.us/j/%##########?pwd=@16', 'meet.google.com/{abc|xyz}-{defg|qrst}-{hij|uvw}', 'join.slack.com/t/{last}/shared_invite/@24', 'open.kakao.com/o/@9', 'line.me/ti/p/@10', 'invite.viber.com/?g=@20', 'teams.microsoft.com/l/meetup-join/@30', 'ko-fi.com/{first}{last}', 'buymeacoffee.com/{first}{last}', 'snapchat.com/add/{first}{last}', 'api.whatsapp.com/send?phone=4915#########', 'www.splitwise.com/join/@12', 'lydia-app.com/collect/@10', 'gofund.me/@8', 'steamcommunity.com/gift/@18', 'pay.google.com/gp/p/@18', 'qr.alipay.com/@18', 'telegram.me/@10']
def link(rng, how):
    made = re.sub(r'@(\d+)', lambda m: token(rng, int(m[1]) - 1) + '4', fill(rng.choice(LINKS).replace('#@', '\0@'), rng)).replace('\0', '#')
    secret = re.split(r'(?:/(?=[^/]*$)|\?\w+=)', re.sub(r'/25$|\?pwd=.*', '', made))[-1].lstrip('#+$')
    return rng.choice(['join here *', '*', 'pay me: * thx', 'link *', 'hier: *!']).replace('*', rng.choice(['https://', 'https://', '']) + made.replace(secret, '*', 1)), secret

def plate(rng, how):
    word, number = rng.choice([('{my plate is|license plate|licence plate:|number plate|plate number:|plates are|my plates:} *', '{^^^ ####|^^^-####|%^^^###|^^^###|^^## ^^^|^^##^^^}'), ('{my reg is|reg number:|car reg|registration} *', '{^^## ^^^|^^##^^^|^###^^^}'), ('{kennzeichen|mein kennzeichen ist|nummernschild:|autokennzeichen} *', '{^-^^ ####|^^ ^^ ###|^^^-^ ###|^-^####}'), ("{plaque|ma plaque c'est|immatriculation|plaque d'immatriculation :} *", '{^^-###-^^|^^ ### ^^}'), ('{matrícula|matricula:|la matrícula es} *', '{#### ^^^|####^^^|#### ^^^}'), ('{targa|la targa è|targa:} *', '^^ ###{ |}^^'), ('{placa|placa:|a placa é} *', '{^^^#^##|^^^-####}'), ('{kenteken|kenteken:|nummerplaat} *', '{##-^^-##|^^-###-^|#-^^^-##}'), ('{rejestracja|tablice:|numer rejestracyjny} *', '{^^ #####|^^^ ####}'), ('{госномер|номер машины} *', '{А###ВС77|К###МН 199}'), ('{plaka|plakası} *', '34 ^^^ ##'), ('{车牌|车牌号：}*', '京^#####'), ('{registreringsnummer|regnr|regnummer:} *', '{^^^ ###|^^^ ##^}'), ('their plate was *, call the police', '^^^ ####'), ('* is the plate number', '{^^^ ####|^^## ^^^}')])
    return fill(word, rng), fill(number, rng)

IDS = '''de.idnr {steuer-id|steuer id:|steueridentifikationsnummer|} %##########
de.idnr {my german tax id is|} %# ### ### ###
es.nif {dni|mi dni es|nif|} ########^
es.nie {nie|mi nie:|} X#######^
it.codicefiscale {codice fiscale|cf:|} RSSM^^{6|7|8|9}#{A|B|C|D|E|H|L|M|P|R|S|T}{0|1|2}%H501^
fr.nir {numéro de sécu|sécurité sociale :|nir|} {1|2}##0%{75|13|69|33}########
gb.nino {ni number|nino|national insurance number:|} {AB|CE|JK|SN|WP}######{A|B|C|D}
gb.nino {my national insurance is|} {AB|CE|JK|SN|WP} ## ## ## {A|B|C|D}
gb.nhs {nhs number|my nhs no is} ### ### ####
gb.utr {utr|tax reference} ##########
us.ssn {my ssn is|social security number|ssn|social} {2|3|4|5}##-##-%###
us.itin {itin} 9##-7#-####
us.ein {ein|tax id number} 27-#######
br.cpf {cpf|meu cpf é|} ###.###.###-##
br.cpf {cpf} ###########
pl.pesel {pesel|mój pesel to|} {7|8|9}#0%{0|1|2}%#####
nl.bsn {bsn|mijn bsn is|burgerservicenummer} #########
be.nn {rijksregisternummer|numéro national|} {8|9}#.0%.{0|1|2}%-###.##
se.personnummer {personnummer|mitt personnummer är|} {7|8|9}#0%{0|1|2}%-####
no.fodselsnummer {fødselsnummer|} {0|1|2}%0%{6|7|8}######
fi.hetu {hetu|henkilötunnus|} {0|1|2}%0%{7|8|9}#-###^
dk.cpr {cpr|mit cpr-nummer er|} {0|1|2}%0%{7|8|9}#-####
ch.ssn {ahv|ahv-nummer|numéro avs|} 756.####.####.##
at.vnr {sozialversicherungsnummer|sv-nummer:|svnr} %###{0|1|2}%0%{7|8|9}#
in_.aadhaar {aadhaar|my aadhaar number is|} {2|3|5|7|9}### #### ####
in_.pan {pan|pan card|pan number:|} ^^^P^####^
cn.ric {身份证|身份证号：|} 11010519{7|8|9}#0%{0|1|2}%####
tr.tckimlik {tc kimlik|tckn|kimlik no:|} %##########
ca.sin {sin|my sin is|social insurance number} ### ### ###
au.tfn {tfn|tax file number|my tfn is} ### ### ###
za.idnr {id number|sa id} {7|8|9}#0%{0|1|2}%####08#
mx.curp {curp|mi curp es|} GOM{A|E|O}{7|8|9}#0%{0|1|2}%{H|M}DFRRL0#
kr.rrn {주민등록번호|주민번호} {7|8|9}#0%{0|1|2}%-{1|2}######
ie.pps {pps|pps number|my ppsn:} #######^
pt.nif {nif|contribuinte} 2########
ro.cnp {cnp|} {1|2}{7|8|9}#0%{0|1|2}%{12|40}####
cz.rc {rodné číslo|rc} {7|8|9}#0%{0|1|2}%/####
il.idnr {תעודת זהות|ת.ז.} #########
passport {passport|my passport number is|passport no.|pass nr|reisepass|reisepassnummer:|passeport|pasaporte|passaporto|paspoort|паспорт|passport no|护照} {C%^#^##^#|^#######|#########|^^#######|##^^#####}
insurance {insurance number|policy number:|insurance policy no|versicherungsnummer|krankenkasse nr|member id|my insurance id is|numéro d'assuré|health insurance no|policy #|tarjeta sanitaria} {^%########|###-##-####|^^^ ########|########|^^########}
licence {driver's license|driving licence|driver license number is|führerschein nr|permis de conduire} {^#######|^^######|#########}'''.split('\n')
def identity(rng, how):
    which, rest = rng.choice(IDS).split(' ', 1)
    words, template = rest[:rest.index('}')+1], rest[rest.index('}')+2:]
    valid = import_module(f'stdnum.{which}').is_valid if '.' in which and which != 'gb.nino' else lambda _: True # a nino has no checksum
    while not valid(said := fill(template, rng)): pass
    return fill(words, rng).strip() + rng.choice([' *', ': *', ' *', ' * ok?']), said

def money(rng, how):
    from stdnum import iban, luhn
    if how == 'card':
        body = fill(rng.choice(['4##############', '5{1|2|3|4|5}#############', '2221###########', '3{4|7}############', '6011###########']), rng)
        said = body + luhn.calc_check_digit(body)
        gap, sizes = rng.choice([' ', '-', '']), [4, 6, 5] if said[0] == '3' else [4]*4
        return rng.choice(['card *', '*', 'my visa: * exp 12/29', 'use *', 'amex *']), gap.join(said[sum(sizes[:n]):sum(sizes[:n+1])] for n in range(len(sizes)))
    said = fill(rng.choice(['DE####################', 'FR#########################', 'NL##ABNA##########', 'ES######################', 'CH###################', 'AT##################', 'BE##############', 'GB##NWBK##############', 'NO#############', 'PL##########################', 'IE##AIBK##############', 'FI################']), rng)
    said = said[:2] + iban.calc_check_digits(said) + said[4:]
    return rng.choice(['iban *', '*', 'send it to * please', 'my account: *', 'IBAN: * danke']), rng.choice([said, ' '.join(said[n:n+4] for n in range(0, len(said), 4)), said.lower()])

def place(rng, how):
    lat, lon = rng.uniform(-75, 75), rng.uniform(-170, 170)
    d = lambda x, pos, neg: f"{int(abs(x))}°{rng.randrange(60)}'{rng.randrange(60)}.{rng.randrange(10)}\"{pos if x >= 0 else neg}"
    flat = rng.choice([f'{lat:.5f}, {lon:.5f}', f'{lat:.6f},{lon:.6f}', f'{lat:.4f} {lon:.4f}', f"{abs(lat):.4f}° {'N' if lat > 0 else 'S'}, {abs(lon):.4f}° {'E' if lon > 0 else 'W'}", d(lat, 'N', 'S') + ' ' + d(lon, 'E', 'W'), f"{abs(lat):.4f}{'N' if lat > 0 else 'S'} {abs(lon):.4f}{'E' if lon > 0 else 'W'}"])
    maps = [('https://maps.google.com/?q=*', f'{lat:.5f},{lon:.5f}'), ('https://www.google.com/maps/@*', f'{lat:.5f},{lon:.5f},15z'), ('https://goo.gl/maps/*', token(rng, 16)), ('https://maps.app.goo.gl/*', token(rng, 16)), ('https://maps.apple.com/?ll=*', f'{lat:.5f},{lon:.5f}'), ('https://www.openstreetmap.org/#map=*', f'17/{lat:.5f}/{lon:.5f}'), ('https://waze.com/ul?ll=*', f'{lat:.5f},{lon:.5f}'), ('geo:*', f'{lat:.5f},{lon:.5f}'), ('https://www.google.com/maps/place/*', fill('%#+{name}+Street'.replace('{name}', 'Maple'), rng)), ('https://maps.apple.com/?address=*', fill('%#%20Elm%20Road'.replace('%20', '\0'), rng).replace('\0', '%20')), ('https://what3words.com/*', 'filled.count.soap'), ('///*', fill('{noun}.{noun}.{noun}', rng)), ('https://www.google.de/maps/dir//*', f'{lat:.5f},{lon:.5f}'), ('https://bing.com/maps?cp=*', f'{lat:.4f}~{lon:.4f}')]
    link, said = rng.choice(maps)
    return (rng.choice(['*', 'im at *', 'pin: *', 'location *', 'meet here * at 8', 'coords: *', 'wir sind bei *']), flat) if rng.random() < .5 else (rng.choice(['', 'im here ', 'standort ']) + link, said)

CONTACTS = ['Mia Lund', 'Grace Hopper', 'Jonas Weber', 'Priya Raman', 'José García', 'Anna-Lena Weiß', 'Olu Adeyemi', 'Katarzyna Nowak', 'tim_dorn88', 'Иван Петров']
def handle(rng, how):
    import unicodedata
    name = rng.choice(CONTACTS)
    if '_' in name: return rng.choice(['add @* there', '@* said so', 'follow @*']), name
    first, last = name.split()[0], name.split()[-1]
    plain = lambda s: ''.join(c for c in unicodedata.normalize('NFD', s.lower().replace('ß', 'ss')) if c.isalpha())
    turned = rng.choice([f'{last}, {first}', f'{last} {first}', f'{last.upper()}, {first}', f'{last.lower()}, {first.lower()}', f'{last},{first}'])
    a, b = plain(first), plain(last)
    at = rng.choice([f'{a}{b}', f'{a}.{b}', f'{a}_{b}', f'{b}.{a}', f'{b}{a}', f'{a}{b}{rng.randrange(100)}', f'{a}_{b}_{rng.randrange(100)}', f'{a[0]}{b}', f'{a[0]}.{b}', f'{a}_{b[0]}', f'{a}{rng.randrange(10, 100)}', f'the_{a}_{b}', f'{a}{b}.official', f'{b}_{a}', a])
    return (rng.choice(['@* is her insta', 'tag @* pls', 'follow @*', '@*', 'dm @* about it', 'ask @*, ok?']), at) if rng.random() < .6 else (rng.choice(['it says * on the list', '*', 'signed: *', 'ask * about it', 'from: *']), turned)

HARMLESS = '''it {was|costs|cost me} {$|€|£}%##.#9
%## {bucks|dollars|euros|€|kr|zł|rubles} for {shoes|the ticket|that??}
we {won|lost} %#{-|:|–}%# {last night|haha|in overtime}
%-%, %-%, %-% in {three|five} sets
{bus|train|class|movie|practice} {at|is at} %:{0|1|3|4}#{am| pm||}
be there {at|around|by} 1#:{00|15|30|45}
{born|graduated|moved here|started} in {19|20}{0|1|7|8|9}#
from 19## to {19|20}{0|1|2}#
on {1|2}%/1%/20{1|2}#
{am|on|vom} 1%.0%.20{1|2}# {um|at} 1#:{00|30}
20{1|2}#-0%-{0|1|2}% {was a monday|is the deadline}
{he|she|my brother} is {5|6}'%" and 1%# lbs
im 1{6|7|8}# cm {tall|groß}
room %{|#}## {in the library|is free|2nd floor}
{room|hall|lab} {A|B|C}%##
{version|v}{ |}%.%#.% {is out|broke everything}
python 3.%#.% and {node|numpy|torch} %.%#.%
{step count|steps|i walked} %#,### {today|lol}
%#.### {people|leute|menschen|personas}
%## ### {people|visitors} {a year|came}
page{s|} %## to %##
chapter %# exercise %#{a|b|c|}
{i got|scored} {a |}1%#0 on the {SAT|test|game}
%#% of {people|them|the grade}
{turn it to|its|outside} -%°C {to|and not} +%#°C
{flight|flug} {LH|BA|UA|KL}{ |}%### {at gate|from gate} {A|B|C}%#
{gate|track|platform|gleis} %#
iphone 1% pro {128|256|512} gb
rtx {30|40}{6|7|8|9}0 with %#{ |}gb {ram|vram}
{CS|MATH|BIO|PHYS} %## {section|sec} 00%
isbn 978-3-16-14841%-#
{order|ticket|invoice} {#|no |}%######
tracking 1Z999AA1012345%###
lotto: % %# %# 3# 4# {4|3}# 
{score|elo|rating} {is|was|hit} %###
%x%+%# = ?
{sum|pi|e} {is|=} %.########
2^%# is %######
{mix|add} %#0 g {flour|sugar} and % eggs
%/% cup of {milk|oil}
{ran|biked} %#.%# km in %#:##
{1080|720|2160}p %#fps
rent is %##0 {a month|warm}
{level|lvl} %# boss {took|needs} %### damage
season % episode %#
s0%e1% was {great|so bad}
{zip|area|error|status} code {404|801|500|21#|84604}
promo code {SAVE|SUMMER|GET}{10|20|24}
{use|with} code {SUMMER|BLACK}%5 for %0% off
{room|apartment} {temperature|temp} is 2%.% degrees
it took {%|%#} hours {%#|%} min
%#,###,### views {wow|in a day}
%00000 {subscribers|followers|people}
{dm|msg} me {at|before} % {pm|ish}
call me {at|in|after} {%|%#} {min|pm|ish}
text me when its {%|1%}
number {1|one|%#} {fan|song|in line}
{won|win} the number {1%|%#} {jersey|shirt}
{highway|route|i-|A}{ |}%# {is closed|is full}
bus {%#|%##} {stops here|is late}
{windows|ubuntu|macos} {10|11|22.04|14.%}
{0|%}%.%#.%#.20#
{192.168|10.0}.%.%#
#{ff|00|a0}{aa|3c|12}{00|7f}
{the 2008 crash|summer 2019|class of 2024|wm 2014|euro 2024} was {crazy|fun}
{7|3|5|12|20} {hour|minute|min} {drive|walk|way}
%0 people on the {street|road}
%# {blocks|streets} {down|away}
%th of {may|june|july}
{may|june|july|oct} %{|, 20{1|2}#}
{anna|the password|my phone|the code} is {so weird|2 hours late|broken again}
the password is {wrong|too short|not working}
{forgot|lost|changed} my {password|pin|passport} again
{passport|insurance|license|visa} {costs|took} %## {euros|days|bucks}
{my plate was|plates are} {full|%# dollars|so hot}
{taxes|tax return|insurance} {20{1|2}#|was %### euros}
{look at|meet me at|im at} the {mall|bank|dot} {at|by} %
{seed|wallet|phrase} {of the day|was lost|%}
{via|by} {zoom|bus|train|paypal} {at|for} %#
{lane|street|road} %
%# {lane|way|place|court|drive} {traffic|ends}
{level|tier|gen} %, %#, %# {or|and} %#
mass is %.%#e-%# kg
{80085|1337|42069|69 420|666}
{ratio|scale} 1:%###
{9|10|11}-{4|5|6} {job|shift}
the {90s|80s|2000s} {were better|music}
{top|best} %# {of|in} 20{1|2}#
{episode|video} {is|was} %#:##:##
weight %#.% {kg|lbs} {down|up} from %#.%
%# + %# + %## = %##
{hex|color} 0x{ff|1a}{00|2b}
{bio|chem|math} {final|exam} {on the|is} %th room %###
uid %##, {gid|pid} %###'''.split('\n')
def ordinary_lines(n=5000, seed=0):
    "Half are messages of the package chitchat-dataset, half made up."
    from tinychat.data import all_demo_chats
    rng = random.Random(f'ordinary {seed}')
    said = sorted({m.text for c in all_demo_chats() for m in c})
    return rng.sample(said, n//2) + [rng.choice(['', '', 'lol ', 'so ', 'and ', 'ok ']) + fill(rng.choice(HARMLESS), rng) + rng.choice(['', '', '!', ' haha', '?', ' i think']) for _ in range(n - n//2)]

# What the page promises, in the order of its table
KINDS = {'telephone, with the country': (phone, 'abroad'), 'telephone, in groups': (phone, 'spaced'), 'telephone, digits only': (phone, 'bare'),
    'e-mail, spelled out': (email, 'spelled'), 'e-mail, with gaps': (email, 'gaps'), 'password after its word': (password, ''), 'key or token': (key, ''), 'seed words': (seed_words, ''),
    'code or PIN beside its word': (code, ''), 'street address': (address, ''), 'invitation or payment link': (link, ''), 'licence plate beside its word': (plate, ''),
    'identity, tax, insurance, passport': (identity, ''), 'IBAN': (money, 'iban'), 'card': (money, 'card'), 'coordinates, map links': (place, ''), 'handle or turned name of a contact': (handle, '')}

def made(kind, n=200, seed=0):
    "Messages of a kind, each with its private part; the same for the same seed."
    make, how = KINDS[kind]
    rng, out = random.Random(f'{kind} {seed}'), {}
    while len(out) < n:
        text, secret = make(rng, how)
        out[text.replace('*', secret, 1)] = secret
    return list(out.items())

def is_hidden(text, secret, spans):
    "Is every letter and digit of the private part within what was found?"
    start = text.index(secret)
    hidden = {i for a, b, _ in spans for i in range(a, b)}
    return all(i in hidden for i in range(start, start + len(secret)) if text[i].isalnum())

def recall(redactor, strings):
    "The share of private strings that were found to their last letter."
    return sum(is_hidden(text, secret, redactor.where(text)) for text, secret in strings)/len(strings)
