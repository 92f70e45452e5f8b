"""Invented messages with something private in them, one a line: kind, then the message, the private part between [[ and ]].
Numbers are those that regulators and registries keep for films and examples, where they do."""

PRIVATE = r'''
email    mail me at [[ada.lovelace@example.com]]
email    [[grace_hopper+lists@mail.example.co.uk]] is better
email    it's [[a.b-c@example.org]], ok?
email    Meine Mail: [[jörg.müller@beispiel.de]].
email    ([[x@y.io]])
email    send to [[ADA@EXAMPLE.COM]] or [[grace@example.net]]
email    写信给我[[wang.xm@example.cn]]谢谢
email    mailto:[[ada@example.com]]?subject=hi
email    [[ada(at)example.com]] because of spam
email    [[ada [at] example [dot] com]]
email    почта [[ivan.petrov@example.ru]]
email    بريدي [[sara@example.ae]] شكرا
email    <[[ada@example.com]]>
email    [[first.last@sub.domain.example.museum]]
phone    call me [[(801) 555-0123]]
phone    [[801-555-0123]]
phone    [[801.555.0123]] is my cell
phone    [[8015550123]]
phone    [[+1 801 555 0123]]
phone    [[+18015550123]]
phone    [[1-800-555-0199]] they said
phone    my # is [[801 555 0123]]
phone    text [[555-0123]]
phone    @[[18015550123]] when are you coming
phone    @‪[[+1 (801) 555‑0123]]‬ hi
phone    [[+44 20 7946 0018]]
phone    [[020 7946 0018]]
phone    [[07700 900123]]
phone    ring me on [[07700900123]]
phone    [[+44 (0)7700 900123]]
phone    [[0044 7700 900123]]
phone    [[0171 3920012]]
phone    [[0171/3920012]]
phone    [[01713920012]]
phone    Tel. [[030 23125 012]]
phone    [[(030) 23125-012]]
phone    [[+49 171 3920012]]
phone    [[+49(0)171-3920012]]
phone    [[0049 171 3920012]]
phone    [[06 39 98 12 34]]
phone    [[06.39.98.12.34]]
phone    [[0639981234]]
phone    [[+33 6 39 98 12 34]]
phone    mon num c'est [[01 99 00 12 34]]
phone    [[612 34 56 78]]
phone    mi móvil es [[612 345 678]]
phone    [[612345678]]
phone    [[+34 612 345 678]]
phone    llámame al [[912 345 678]]
phone    [[351 234 5678]] scrivimi
phone    il mio numero è [[333 1234567]]
phone    [[+39 333 123 4567]]
phone    [[(11) 91234-5678]]
phone    [[11 91234-5678]]
phone    [[+55 11 91234-5678]]
phone    meu zap: [[11912345678]]
phone    [[55 1234 5678]] es mi cel
phone    [[+52 55 1234 5678]]
phone    [[601 234 567]] dzwoń
phone    [[+48 601 234 567]]
phone    [[8 (912) 345-67-89]]
phone    [[89123456789]]
phone    [[+7 912 345-67-89]]
phone    [[+7 (912) 345 67 89]]
phone    [[0612345678]] bel me
phone    [[06-12345678]]
phone    [[+31 6 12345678]]
phone    [[0470 12 34 56]]
phone    [[079 123 45 67]]
phone    [[+41 79 123 45 67]]
phone    [[0664 1234567]]
phone    [[070-174 06 12]]
phone    [[+46 70 174 06 12]]
phone    ring meg på [[912 34 567]]
phone    mit nummer er [[20 12 34 56]]
phone    [[+45 20 12 34 56]]
phone    [[040 1234567]]
phone    [[0491 570 156]]
phone    [[+61 491 570 156]]
phone    [[(02) 5550 1234]]
phone    [[021 123 4567]]
phone    [[98765 40123]]
phone    [[+91 98765 43210]]
phone    [[9876540123]] whatsapp
phone    我的手机号是[[13812345678]]
phone    [[138 1234 5678]]
phone    [[138-1234-5678]]
phone    [[+86 138 1234 5678]]
phone    [[090-1234-5678]]
phone    電話は[[09012345678]]です
phone    [[03-1234-5678]]
phone    [[010-1234-5678]]
phone    [[01012345678]] 이야
phone    [[054-123-4567]]
phone    [[0541234567]]
phone    המספר שלי [[050-1234567]]
phone    رقمي [[0501234567]]
phone    رقمي [[٠٥٠١٢٣٤٥٦٧]]
phone    [[+971 50 123 4567]]
phone    [[0532 123 45 67]]
phone    [[+90 532 123 45 67]]
phone    [[0912 345 6789]]
phone    [[0803 123 4567]]
phone    [[+234 803 123 4567]]
phone    [[082 123 4567]]
phone    [[+254 712 345678]]
phone    call me at [[9123 4567]]
phone    [[+65 9123 4567]]
phone    [[0812-3456-7890]]
phone    [[0917 123 4567]]
phone    [[06 30 123 4567]]
phone    [[694 123 4567]]
phone    [[0721 234 567]]
phone    [[11 15-1234-5678]] es mi celu
phone    [[9 1234 5678]] whatsapp
phone    [[0901 234 567]]
card     [[4111 1111 1111 1111]]
card     card is [[4111111111111111]] exp 12/27
card     [[5555-5555-5555-4444]]
card     [[3782 822463 10005]]
card     amex [[378282246310005]]
card     [[6011 1111 1111 1117]]
card     [[3056 930902 5904]]
card     [[3530 1113 3330 0000]]
card     use mine: [[4012888888881881]], thx
card     [[2223 0031 2200 3222]]
card     [[4222222222222]]
card     [[6200 0000 0000 0005]]
bank     [[DE89 3704 0044 0532 0130 00]]
bank     [[DE89370400440532013000]] bitte
bank     IBAN: [[GB29 NWBK 6016 1331 9268 19]] thanks
bank     [[FR14 2004 1010 0505 0001 3M02 606]]
bank     [[NL91ABNA0417164300]]
bank     [[ES91 2100 0418 4502 0005 1332]]
bank     [[IT60 X054 2811 1010 0000 0123 456]]
bank     [[CH93 0076 2011 6238 5295 7]]
bank     [[AT61 1904 3002 3457 3201]]
bank     [[BE68 5390 0754 7034]] dank je
bank     [[NO93 8601 1117 947]]
bank     [[pl61 1090 1014 0000 0712 1981 2874]]
bank     [[SA03 8000 0000 6080 1016 7519]]
bank     [[TR33 0006 1005 1978 6457 8413 26]]
bank     routing [[021000021]] account [[123456789012]]
bank     my account number is [[000123456789]]
bank     routing number: [[011401533]]
bank     acct # [[4417123]]
bank     sort code [[20-00-00]] account [[55779911]]
bank     BSB [[062-000]] acc [[12345678]]
bank     Kontonummer [[0532013000]]
bank     a/c no [[50100123456789]]
bank     CLABE [[032180000118359719]]
bank     银行账号[[6222021234567890128]]
id       [[219-09-9999]]
id       ssn is [[219099999]]
id       social: [[219 09 9999]]
id       my social security number is [[078-05-1120]]
address  come to [[123 Main Street]]
address  I live at [[123 main st apt 4]]
address  [[450 N 900 E]], Provo
address  [[1234 South 500 West]]
address  [[742 Evergreen Terrace]]
address  [[1600 Pennsylvania Ave NW]]
address  [[221B Baker Street]], second floor
address  [[55 5th Avenue]]
address  [[9 Acacia Rd]]
address  send it to [[88 Old Mill Lane]]
address  [[P.O. Box 1234]]
address  [[2020 Sunset Blvd]]
address  [[17 Oak Dr]].
address  [[Hauptstraße 12]]
address  Ich wohne in der [[Lindenstr. 5a]], 3. Stock
address  [[Berliner Allee 17]]
address  [[hauptstrasse 12]] klingel bei mir
address  [[Rosenweg 3, 12345 Musterstadt]]
address  [[Lange Straße 7]]
address  [[12 rue Victor Hugo]]
address  j'habite [[8 bis avenue de la République]]
address  [[3, place des Vosges]]
address  vivo en [[calle Mayor 15]]
address  [[C/ de la Luna, 4]] 2ºB
address  [[Avenida Libertador 1250]]
address  [[Calle 85 #12-10]]
address  [[via Roma, 12]]
address  abito in [[Via Garibaldi 3]]
address  [[Rua das Flores, 45]]
address  [[Kerkstraat 21]]
address  [[Prinsengracht 263b]]
address  [[ul. Długa 5/12]]
address  [[ulica Piękna 18]]
address  [[ул. Ленина, д. 10]]
address  [[улица Пушкина 7 кв 5]]
address  [[Storgatan 14]]
address  [[Vesterbrogade 33]]
address  [[Mannerheimintie 5]]
address  [[Kossuth Lajos utca 12]]
address  [[Atatürk Caddesi No: 24]]
address  [[רחוב הרצל 15]]
address  [[شارع الملك فهد 12]]
address  [[中山路88号]]
address  [[千代田1丁目2番3号]]
address  [[세종대로 110]]
address  [[Jl. Sudirman No. 25]]
code     your code is [[482913]]
code     [[482913]] is your WhatsApp code
code     [[G-482913]] is your Google verification code.
code     Your verification code: [[48-29-13]]
code     OTP [[4829]]
code     the door code is [[4829#]]
code     gate code [[4829]]
code     my pin is [[4829]]
code     PIN: [[4829]]
code     cvv [[123]]
code     Dein Code lautet [[482 913]]
code     Bestätigungscode: [[482913]]
code     tu código es [[482913]]
code     código de verificación: [[482913]]
code     votre code est [[482913]]
code     il tuo codice è [[482913]]
code     seu código é [[482913]]
code     kod: [[482913]]
code     twój kod to [[482913]]
code     ваш код [[482913]]
code     код подтверждения: [[4829]]
code     验证码是[[482913]]
code     您的验证码：[[482913]]
code     認証コードは[[482913]]です
code     인증번호는 [[482913]] 입니다
code     קוד [[482913]]
code     رمز التحقق [[482913]]
code     doğrulama kodu: [[482913]]
code     Use [[482913]] to log in
code     code for the front door is [[4829]]
code     the code is [[X7K9Q2]]
code     garage code's [[4829]]
password password: [[hunter2]]
password the wifi password is [[Sommer2019!]]
password pw: [[abc123]]
password wifi pw [[k9-Xpq4zz]]
password my netflix password is [[swordfish]]
password Passwort: [[geheim99]]
password das Passwort ist [[Fisch!brot7]]
password WLAN-Passwort [[Apfel-Kuchen-42]]
password contraseña: [[gatito88]]
password la clave es [[gatito88]]
password le mot de passe est [[chaton88]]
password mdp: [[chaton88]]
password senha: [[gatinho88]]
password wachtwoord is [[kaasje88]]
password lösenord: [[katten88]]
password hasło: [[kotek88]]
password пароль: [[котик88]]
password пароль [[kotik88]]
password 密码是[[abc12345]]
password 密码：[[abc12345]]
password パスワードは[[neko8888]]です
password 비밀번호는 [[goyang88]]
password סיסמה: [[hatul88]]
password كلمة السر: [[qitta88]]
password şifre: [[kedi8888]]
password username ada password [[hunter2]]
password Login: ada
password pass: [[hunter2]]
password password = "[[correct horse]]"
code     passcode is [[592711]]
link     https://[[ada:secret]]@example.com/x
link     https://docs.example.com/document/d/[[1HnlOK4n0YA9y1qUtsoavECav9KoBvH80xyz]]/edit
link     https://zoom.us/j/[[91234567890]]?pwd=[[QWxhZGRpbjpvcGVu]]
link     https://chat.whatsapp.com/[[AbCdEfGhIjKlMnOpQrStUv]]
link     https://example.com/reset?token=[[abcdef123456]]&user=[[ada]]
link     https://meet.google.com/[[abc-defg-hij]]
link     https://t.me/[[+AbCdEfGhIj]]
link     https://wa.me/[[18015550123]]
link     https://discord.gg/[[aBcDeF]]
link     https://maps.example.com/maps/[[@40.7608,-111.8910,17z]]
link     https://example.com/invite/[[550e8400-e29b-41d4-a716-446655440000]]
link     zoom.us/j/[[91234567890]]
link     www.example.com/u/[[8f14e45fceea167a5a36dedd4bea2543]]/files
link     https://example.com/cb#access_token=[[ya29.a0AfH6SMBx]]
link     https://www.dropbox.com/s/[[a1b2c3d4e5f6g7h]]/[[cats.zip]]?dl=[[0]]
name     I saw [[Grace Hopper]] today
name     [[grace hopper]]'s party
name     [[GRACE HOPPER]]!!
name     do you know [[José García]]
name     do you know [[jose garcia]]
name     [[Grace B. Hopper]]
name     [[Grace Brewster Murray Hopper]]
name     [[Иван Петров]] пишет
name     שאל את [[דוד לוי]]
name     [[محمد علي]] هنا
name     @[[Søren Ødegård]] kommer
name     [[Søren  Ødegård]]
name     [[Anna-Lena Weiß]] und ich
name     [[anna lena weiss]]
email    my work one is [[t.okafor@shop.example]]
email    [[kim_minji99@example.kr]]로 보내줘
email    either [[a1@b2.example.com]]/[[c3@d4.example.org]]
email    E-Mail:[[franz-josef@xn--bcher-kva.example]]
email    [[o'brien@example.ie]]
email    try [[info@example.com]]...
email    [[user.name at gmail dot com]]
phone    got a new phone, same plan: [[385-555-0147]]
phone    [[(385) 555 0147]]
phone    [[385/555-0147]]
phone    [[1.385.555.0147]]
phone    hit me up [[3855550147]] 😎
phone    [[+1-385-555-0147]] ext 12
phone    whats ur # mines [[555 0147]]
phone    [[+44 7911 123456]]
phone    [[0113 496 0123]]
phone    [[01632 960 456]]
phone    [[01632960456]]
phone    [[+353 85 123 4567]]
phone    [[085 123 4567]]
phone    [[+4915123456789]]
phone    Ruf mich an [[0151 23456789]]
phone    [[0151-234 567 89]]
phone    meine neue nummer: [[015123456789]]
phone    Festnetz [[089 / 1234 5678]]
phone    [[+43 660 1234567]]
phone    [[044 668 18 00]]
phone    appelle moi au [[07 56 78 12 34]]
phone    [[+33(0)7 56 78 12 34]]
phone    tel fixe: [[04-93-12-34-56]]
phone    [[+32 470 12 34 56]]
phone    [[02 123 45 67]]
phone    [[699 123 456]]
phone    [[+34699123456]]
phone    [[91 123 45 67]] es el de casa, llama
phone    [[+351 912 345 678]]
phone    [[912345678]]
phone    [[347 123 4567]]
phone    [[3471234567]]
phone    [[02 1234 5678]]
phone    [[+30 694 123 4567]]
phone    [[6941234567]]
phone    zadzwoń na [[502-345-678]]
phone    [[+420 602 123 456]]
phone    [[602 123 456]]
phone    [[0905 123 456]]
phone    [[+36 20 123 4567]]
phone    [[0722 123 456]]
phone    [[+40722123456]]
phone    [[8-903-123-45-67]]
phone    мой номер [[+79031234567]]
phone    [[8 903 123 45 67]]
phone    [[+380 67 123 4567]]
phone    [[067 123 45 67]]
phone    [[0532-123-4567]]
phone    [[05321234567]]
phone    [[052-1234567]]
phone    [[+972-52-123-4567]]
phone    [[0555 123 4567]]
phone    [[+966 55 123 4567]]
phone    رقم جوالي [[0551234567]]
phone    [[+20 100 123 4567]]
phone    [[01001234567]]
phone    شماره من [[09121234567]]
phone    [[۰۹۱۲۱۲۳۴۵۶۷]]
phone    [[+91-98765-12340]]
phone    mera number [[7012345689]] hai
phone    [[080-4123 4567]]
phone    [[+92 300 1234567]]
phone    [[0300-1234567]]
phone    [[01711-123456]]
phone    [[15912345678]]给我打电话
phone    [[+86-159-1234-5678]]
phone    微信同号 [[186 1234 5678]]
phone    [[080-1234-5678]]
phone    [[+81 80-1234-5678]]
phone    [[06-6123-4567]]
phone    [[010 9876 1234]]
phone    [[+82 10-9876-1234]]
phone    sms [[8123 4567]]
phone    [[+852 9123 4567]]
phone    [[+62 812-3456-7890]]
phone    wa [[081234567890]]
phone    [[+63 917 123 4567]]
phone    [[09171234567]]
phone    [[+84 90 123 45 67]]
phone    [[012-345 6789]]
phone    [[+60 12-345 6789]]
phone    [[0412345678]]
phone    [[+64 21 123 4567]]
phone    [[0215551234]]
phone    [[+27 82 123 4567]]
phone    [[0712 345 678]]
phone    [[+55 (21) 99876-5432]]
phone    [[(21) 99876-5432]]
phone    [[21 99876 5432]]
phone    [[+54 9 11 1234-5678]]
phone    mi cel [[3001234567]]
phone    [[+57 300 123 4567]]
phone    [[+56 9 8765 4321]]
phone    [[044 55 1234 5678]]
phone    ligue [[(11) 3456-7890]]
phone    [[+47 412 34 567]]
phone    tlf [[41 23 45 67]]
phone    puh. [[050 123 4567]]
card     [[5105 1051 0510 5100]]
card     visa [[4000-0566-5566-5556]]
card     [[371449635398431]] cid 1234
card     it's [[6304 0000 0000 0000]]
bank     [[HR12 1001 0051 8630 0016 0]]
bank     [[SE45 5000 0000 0583 9825 7466]]
bank     my iban is [[PT50000201231234567890154]]
bank     [[FI2112345600000785]].
bank     [[DK50 0040 0440 1162 43]]
bank     checking account number: [[9876501234]]
bank     Kto: [[1234567890]]
bank     conta [[12345-6]]
bank     routing [[124000054]]
bank     numéro de compte [[00012345678]]
id       [[123-45-6789]]
id       SSN: [[123 45 6789]]
id       last 4 of my social [[123456789]]
address  we're at [[1187 W 300 N]], Lehi
address  [[250 East 200 South, Salt Lake City, UT 84111]]
address  [[5 Privet Drive]]
address  [[31 Spooner St]]
address  my addy is [[4059 mt lee dr]]
address  [[77 Massachusetts Avenue, Cambridge, MA 02139]]
address  [[10 Downing St]]
address  [[14 Elm Grove]]
address  Flat 3, [[27 Kings Road]]
address  [[1 Infinite Loop]]
address  [[Goethestr. 8]]
address  [[Schillerplatz 3]]
address  Untere [[Hauptstrasse 44b]]
address  [[25 bis rue de Rivoli]]
address  [[18 boulevard Saint-Michel]]
address  [[10 allée des Acacias]]
address  [[Calle Gran Vía 28]], 3º
address  [[Av. Paulista, 1578]]
address  [[Rua Augusta 300]]
address  [[Piazza Navona 12]]
address  [[corso Buenos Aires 7]]
address  [[Herengracht 502]]
address  [[Drottninggatan 53]]
address  [[ul. Marszałkowska 10]] m. 5
address  [[проспект Мира, 15]]
address  [[İstiklal Caddesi No:58]]
address  [[Andrássy út 60]]
address  [[רח' דיזנגוף 50]]
address  [[شارع التحرير 22]]
address  [[北京市朝阳区建国路88号]]
address  [[강남대로 396]]
address  [[渋谷区道玄坂2-10-7]]
code     [[739201]] is your verification code
code     Your Uber code is [[7392]]. Never share it
code     <#> [[739201]] is your Facebook code
code     Instagram code: [[739 201]]
code     the lockbox combo is [[7392]]
code     alarm code [[73920]]
code     the code to the garage: [[7392]]
code     pin for my card is [[7392]]
code     Ihr TAN-Code: [[739201]]
code     Türcode ist [[7392]]
code     Ton code est le [[739201]]
password tu clave es [[739201]]
code     Seu código de verificação é [[739201]]
code     Il codice di verifica è [[739201]]
code     Je code is [[739201]]
code     Twój kod weryfikacyjny: [[739201]]
code     Код: [[7392]]. Никому не говорите
code     [[739201]] — ваш код
code     【某某】验证码[[739201]]，请勿泄露
code     確認コード：[[739201]]
code     [인증번호] [[739201]]
code     הקוד שלך הוא [[739201]]
code     رمز التحقق الخاص بك هو [[739201]]
code     Kode verifikasi: [[739201]]
code     Onay kodu [[739201]]
code     Mã xác nhận là [[739201]]
password wifi: [[purpleMonkey77]]
password the wifi password is [[butterfly]]
password pw is [[Qwerty!23]]
password password [[Tr0ub4dor&3]]
password my pass is [[kitty2000]]
password hulu login ada@x pw [[H0ps!]]
password pwd=[[s3cret]]
password WLAN Passwort: [[89234765123]]
password Das Kennwort lautet [[Blume77x]]
password la contraseña del wifi es [[casa1234]]
password mot de passe wifi: [[Maison75]]
password senha do wifi: [[casa1234]]
password la password è [[Gatto55!]]
password het wachtwoord is [[fiets123]]
password пароль от вайфая: [[qwerty78]]
password wifi密码：[[88888888]]
password Wi-Fiパスワード：[[sakura2024]]
password 와이파이 비번 [[abcd1234]]
password şifrem [[kedi2024]]
link     https://www.example.com/password/reset/[[Zx81Qw34Er56Ty78]]
link     https://drive.example.com/file/d/[[0B1x2y3z4a5b6c7d8e9f]]/view
link     https://us02web.zoom.us/j/[[81234567890]]?pwd=[[abc.1]]
link     https://calendly.example.com/ada?month=[[2026-01]]&email=[[ada]]
link     https://t.me/[[joinchat]]/[[AAAAAE_xyz123]]
link     https://bit.ly/[[3xYzAbC]]
link     https://photos.app.goo.gl/[[AbCdEf123456]]
link     https://maps.google.com/?q=[[40.2338,-111.6585]]
link     ftp://[[bob]]@files.example.com/a
link     https://example.com/#/room/[[4f9d2c7a8b1e4c3d]]
link     dropbox.com/sh/[[x1y2z3a4b5c6]]
link     HTTPS://EXAMPLE.COM/?SID=[[12345]]
email    reach me: [[rosa.delgado@correo.example]] o por wa
email    his is [[mike_t@example.edu]]!!
email    [[hello@my-shop.example.shop]]
email    e-mail [[lena99(at)example.de]]
phone    u can reach me @ [[435-555-0162]]
phone    new number who dis [[(435)555-0162]]
phone    [[435 555 0162]] is moms cell
phone    [[+14355550162]]
phone    [[001 435 555 0162]]
phone    [[07911 123 456]]
phone    [[+44-7911-123456]]
phone    [[0161 496 0987]] is the office
phone    [[0176 9876 5432]]
phone    [[0176/98765432]]
phone    [[+49 (0) 176 98765432]]
phone    [[06.12.98.76.54]]
phone    [[0033 6 12 98 76 54]]
phone    llama al [[655 98 76 54]]
phone    [[655-987-654]]
phone    [[+39 06 6982 1234]]
phone    [[338 765 4321]]
phone    [[(31) 98765-4321]]
phone    [[31987654321]] chama no zap
phone    [[+7 916 765-43-21]]
phone    [[8(916)765-43-21]]
phone    [[+48 512-987-654]]
phone    [[512987654]] to mój numer
phone    [[0545 987 65 43]]
phone    [[+90 (545) 987 65 43]]
phone    [[053-987-6543]]
phone    [[0566987654]]
phone    [[+98 912 987 6543]]
phone    [[+91 8123 987 654]]
phone    [[81239 87654]]
phone    [[13998765432]]
phone    [[070-9876-5432]]
phone    [[010.9876.5432]]
phone    [[+65 8765 4321]]
phone    [[0813 9876 5432]]
phone    [[0998 765 4321]]
phone    [[0987 654 321]] gọi em
phone    [[0423 987 654]]
phone    [[+61 2 9876 5432]]
phone    [[027 987 6543]]
phone    [[084 987 6543]]
phone    [[+234 8098765432]]
phone    [[0809 876 5432]]
phone    [[+254722987654]]
phone    [[31 98 76 54]] ring mig
phone    [[+46 73 987 65 43]]
phone    [[073-987 65 43]]
phone    [[+358 40 987 6543]]
phone    [[045 987 6543]]
phone    [[+351 963 987 654]]
phone    [[963 987 654]] liga-me
card     [[5425 2334 3010 9903]]
card     pay w [[4263982640269299]]
card     [[3742 454554 00126]]
bank     [[LU28 0019 4006 4475 0000]]
bank     send to [[IE29AIBK93115212345678]] pls
bank     [[GR16 0110 1250 0000 0001 2300 695]]
bank     acct number is [[8834021977]]
bank     rekening [[123456789]]
id       [[321-54-9876]]
address  [[2230 N University Pkwy]]
address  meet at [[845 E 820 N]]
address  [[19 Rosewood Ave, Apt 4B]]
address  drop it at [[602 maple street]]
address  [[8 Church Lane]]
address  [[3401 W Diversey Avenue]]
address  [[Bahnhofstraße 7b]]
address  Am [[Waldweg 19]]
address  [[Münchner Str. 101]]
address  [[44 avenue Jean Jaurès]]
address  [[6 impasse du Moulin]]
address  [[calle de Alcalá 42]]
address  [[Avenida de Mayo 825]]
address  [[Viale Monza 33]]
address  [[Rua do Ouro 12]]
address  [[Oudegracht 188]]
address  [[Dorpsstraat 3a]]
address  [[ul. Nowy Świat 22]]
address  [[ул. Гагарина 33]]
address  [[Rákóczi út 15]]
address  [[Bağdat Caddesi 210]]
address  [[Sveavägen 44]]
address  [[南京路100号]]
address  [[רחוב אלנבי 40]]
code     [[551908]] is your Amazon OTP
code     ur code is [[5519]]
code     building code [[5519#]]
code     the pin to my phone is [[551908]]
code     Google: [[G-551908]] is your code
code     your login code: [[551-908]]
code     Dein Bestätigungscode ist [[551908]]
code     Tu código de Uber es [[5519]]
code     code d'entrée [[5519B]]
code     codice OTP: [[551908]]
code     il pin è [[5519]]
code     Никому не говорите код [[551908]]
code     [[551908]]是你的验证码
code     kod pin [[5519]]
password netflix pw [[Popcorn!9]]
password password for wifi is [[sunny-Side7]]
password its my dogs name, password is [[biscuit]]
password pass: [[0neLove]]
password Passwort für Netflix: [[Popcorn9]]
password la contraseña es [[luna2019]]
password mdp wifi [[soleil34]]
password senha: [[vascao98]]
password wachtwoord: [[Appeltaart1]]
password пароль: [[солнце]]
password 密码 [[sun12345]]
password wifi pass is [[letmein22]]
link     https://example.com/verify?code=[[99182]]
link     https://teams.example.com/l/meetup-join/[[19meetingNDk2ZjA4YTgtM2Q]]/0
link     https://[[user:pw]]@host.example/
link     https://discord.com/invite/[[aBcDeFgHiJ1]]
link     wa.me/[[4915112345678]]
id       soc is [[321549876]]
address  [[Am Ring 4]]
address  [[via Dante 9]]
email    [[ann dot lee at mail dot co dot uk]]
email    write to [[ann @ mail . com]]
phone    tel. [[704.623.081]]
password my password is [[correct horse battery staple]]
password changed the pw to [[tulip4145]]
password use [[ghp_16C7e42F292c6912E7710c838347Ae178B4a]]
password my seed phrase: [[army fan defense carry jealous true garbage claim echo media make crunch]]
code     the gate code is [[1999]]
code     PIN [[2004]]
address  i live at [[14 oak lane]]
address  wir wohnen [[lindenweg 3]]
address  [[52.5163, 13.3777]]
link     https://venmo.com/u/[[ann-lee]]
link     venmo me [[@ann-lee]]
id       mein Kennzeichen ist [[B-AB 1234]]
id       my passport is [[C01X00T47]]
id       [[86095742719]]
name     [[Hopper, Grace]] says
name     tag @[[grace_hopper99]]
'''

# What we know to miss: nothing in them says what they are.
MISSED = r'''
address  [[Karl Johans gate 22]]
address  [[24 Nguyễn Huệ]]
address  [[fourteen oak street]]
address  the blue house behind the church
password its fluffy, like the cat
name     talked to [[Ada Lovelace]]
'''

NAMES = ['Grace Brewster Murray Hopper', 'Grace Hopper', 'José García', 'Иван Петров', 'דוד לוי', 'محمد علي', 'Søren Ødegård 🌸', 'Dr. Anna-Lena Weiß', 'Mum', '+1 801 555 0177', 'My Love', 'ada@example.com']

# Not one character of these may change.
ORDINARY = r'''
I was born in 1998 and it's 2026 now
we were there 2013-2015
from 1980 to 1982, or 1910-1920
it costs $1,299.99 or 1.299,99 €
they pay between 300000 and 500000 a year
1000000 points!! +100000 for me
1 000 000 or 1.000.000 or 1,000,000 or 612.345.678 people
we won 3-2, then 21:14 25:23 15-13
see you at 10:30, no 10.30, or 22h30
10:30-11:30 or 9.30 - 10.30
on 12/25/2024 or 25.12.2024 or 2024-12-25
2024-12-25 18:30:05
01.02.2019 10 Uhr
01.02.2019 - 03.02.2019
100% 99.999999% sure
2 x pizza, 3 x cola, 10 x fries
#ff00aa and #123456
v1.2.3 and 2024.10.1 and Python 3.11.7
192.168.1.100 and 192.168.100.200
3.141592653589793238462654338 thats all I got
hahahahahaha 😂😂😂
55555555 5555555555
ㅋㅋㅋㅋㅋ ㅠㅠ
www wwwww
24/7 and 7-11 and 9/11 and 50/50
4 8 15 16 23 42
1 2 3 4 5 6 7 8 9 10 11 12 13 14 15
01001000 01101001 0110100101101001
0123456789 9876543210 123456789
call me maybe
call me at 5
text me at 10:30
the number of people is 1000000
number 1 fan, number 12
I got a 1260 on the SAT and 36 on the ACT
CS 142 is in room 1170, section 003
https://www.imdb.com/title/tt2872732/
https://www.youtube.com/watch?v=QMVQ_htobAg
https://youtu.be/QMVQ_htobAg
https://www.theverge.com/2017/10/30/16569402/ai-generate-fake-faces-celebs-nvidia-gan
https://en.wikipedia.org/wiki/Alan_Turing#Early_life
https://de.wikipedia.org/wiki/Liste_der_Straßen_in_Berlin
http://latesummerhonors.byu.edu/
https://zty.pe
https://3dprinting.com/food/
https://example.com/blog/how-i-learned-to-stop-worrying-and-love-the-bomb-2024
https://github.com/tinychat/tinychat/blob/main/nbs/01_data.ipynb
https://example.com/shop?page=2&lang=en
www.twitch.tv
follow me on insta @pito.bedo
@ben thanks@ night@
meet @ noon
and/or he/she 1/2 3/4
I have to finish my code for CS 142
I learned to code in 2015
code 142 is hard
my code is 1500 lines long
zip code 84604
area code 801
promo code SAVE2024
error code 404
use code SUMMER25 for 10% off
I have the pin, "I survived 224."
pin it down to 1 day
what's the password
the password is wrong
forgot my password again
my password is really long
password please
le code de la route
la clave es ser feliz
15 cloverfield lane was good, 7 hour drive though
it was a 7 hour drive
40 mph road
a 30 minute drive to work
142 seemed to be way harder
the 5000 fingers of dr t
16 years down the road
3 to 4 hour drive from me
300 people on the street
1/5 of the way through
Windows 10 is way better
2 day place
in 2008 Wall Street crashed
20 Cleaning my Way
on my Heimweg 20 min
Bin auf dem Heimweg 20 Minuten noch
bin weg 5 minuten
via Zoom 10 am
via Venmo 20 bucks
Spring 2016 was nice
Porsche Carrera 911
decade 5 of 10
it was 4000 dollars at the Plaza
집으로 2시에 갈게
서울로 5시
바로 1시
Grace is here
my love, my love
hopper grace period
will may come
tracking 1Z999AA10123456784
ISBN 978-3-16-148410-0 or 0-306-40615-2
isbn 9783161484100
order 112-1234567-1234568
5'10" and 180 lbs
-40°C to +35°C
1e10 or 10^10 or 2^64
20000 BTC
e=mc2
<3 <333 >:( :) ;-)
^_^ T_T o_O
👍🏽 👨‍👩‍👧‍👦 1️⃣2️⃣3️⃣
שלום 5 דקות
مرحبا 5 دقائق
١٩٩٨ كانت سنة جميلة
我2015年毕业
2015年10月20日
1時間30分
ok. no. yes... 10.
I'll be there in 5, 10 min max
8000-9000 steps, 500-1000 calories
between 100-2000
iPhone 15 Pro 256
1080p 4k 60fps
5k 10k 42.195km
B2B C3PO R2D2
room 4.111
(2019) (10)
1,2,3,4,5,6,7
10 20 30 40 50 60
<email> me
a <b> c > d
the plates are 20 years old
insurance went up 12000 since 2019
my policy is to never text before 10
passport expires 12/2027
passport photos 35x45mm cost 12.99
policy 2020 changed
targa florio 1973 was nuts
rg 45 min
nie 1000 mal gesagt
nip in the bud 20 times
sin 200 pesos
pan 500g flour
pps see you at 10
i reg 400 people
registration opens 2025-01-10
registration is at room B204
member no 5 of the band
skilt 300 kr
token ring: fun
token: 50k tokens
secret: i love you
key: c major
the key is practice
wifi is down again since 2 hours
the wifi is 100mbps
password for what
change your password to something stronger
the password is on the fridge
password hint is the dog
pass me the salt at 10
pass the exam in 2024
i need to pass math 1010
he passed 300 yards
seed round of 12 million
apples pears bananas cherries
monday tuesday wednesday thursday friday
im at 7 place tonight
come to 5 guys drive
see you at 8 same place
we are at 50 percent
at 20 miles close
live at 9 tonight
live in 3 days way to go
its 3 way to go
12 way too many
via email 3 times
via text 5 times a day
av 5 bananas
plaza 12 euros
largo camino 5 km
paseo 3 horas
rue 2
le chemin 5 km plus loin
avenue 5 won
platz 3 geschafft
auf dem weg 5 min
mein arbeitsplatz 5 tage
die woche 3 tage weg 2
ring 3 times
ul 5
am ende 3
am montag 5
strada 5
lat pull down 80kg, 70kg
1.2345 2.3456 3.4567 4.5678
the values are 0.1234, 0.5678, 0.9999
loss 2.3456, 1.2345 after 3 epochs
0.9123, 0.8812 f1
lr 0.0003, 0.0001
its 3.14, 2.71
ratio 1.61803 vs 2.71828
@everyone dinner at 8
@john @kate see you
mail: done
look at that dot com bubble
i work at google.com
order at amazon.com
i bought it at web.de shop
email me at noon
reach me at work dot
at some point the com
call 911
call 112 now
text 12345 to vote
call of duty 2019
number 2019 in line
my number is 7
phone 12 pro max 256
tel aviv 2019 2020
order 40-12345-67890
invoice INV-2024-00123
tracking LX123456789DE
serial SN12345678
uuid 550e8400-e29b
commit 9fceb02d0ae598e95dc970b74767f19372d61af8
VID-20200101-WA0012.mp4 Screenshot_20200101-120000_Instagram.png
https://github.com/a/b/pull/123
https://store.steampowered.com/app/440/Team_Fortress_2/
https://www.nytimes.com/2024/01/02/world/europe/story-title.html
https://en.wikipedia.org/wiki/Mia
check about.me later
check join.me/
follow me on twitter.com/ada
venmo me $20
paypal me $35.50
cashapp $5
1,000,000,000 dollars
population 83 200 000
speed 299 792 458 m/s
1234567890
0000000000
1111111111
2000000000
31536000 seconds
3.141592653
2.99792458
666 666 666
123 456 789
1-2-3-4-5-6-7-8-9
10-20-30-40-50
2020 2021 2022 2023
2019/2020/2021
9780306406157
isbn 0306406152
12h34m56s
00:12:34.567
2024-12-25T18:30:05Z
unix time 1735151405123
'''.strip('\n').split('\n')
