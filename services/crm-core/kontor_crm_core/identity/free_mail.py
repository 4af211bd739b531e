"""Domains of free mail providers: an address there says nothing about a company."""

FREE_MAIL = frozenset(
    """
    126.com 139.com 163.com 189.cn aim.com alice.it aliyun.com aol.com arcor.de att.net bellsouth.net bigpond.com
    bluewin.ch bol.com.br btinternet.com charter.net comcast.net cox.net daum.net duck.com earthlink.net email.cz
    fastmail.com fastmail.fm foxmail.com free.fr freenet.de gmail.com gmx.at gmx.ch gmx.com gmx.de gmx.net
    googlemail.com hanmail.net hey.com hotmail.co.uk hotmail.com hotmail.de hotmail.es hotmail.fr hotmail.it
    icloud.com inbox.lv inbox.ru interia.pl laposte.net libero.it list.ru live.co.uk live.com live.de live.fr live.nl
    mac.com mail.com mail.de mail.ru mailbox.org me.com msn.com naver.com neuf.fr ntlworld.com o2.pl online.de
    onet.pl optonline.net orange.fr outlook.com outlook.de outlook.es outlook.fr pm.me posteo.de proton.me
    protonmail.ch protonmail.com qq.com rambler.ru rediffmail.com rocketmail.com rogers.com sapo.pt sbcglobal.net
    seznam.cz sfr.fr shaw.ca sina.cn sina.com sky.com sohu.com sympatico.ca t-online.de talktalk.net telenet.be
    terra.com.br tin.it tiscali.it tuta.com tutanota.com ukr.net uol.com.br verizon.net vip.qq.com virgilio.it
    virginmedia.com vodafone.de wanadoo.fr web.de windowslive.com wp.pl xs4all.nl ya.ru yahoo.ca yahoo.co.in
    yahoo.co.jp yahoo.co.uk yahoo.com yahoo.com.ar yahoo.com.au yahoo.com.br yahoo.com.mx yahoo.de yahoo.es yahoo.fr
    yahoo.in yahoo.it yandex.com yandex.ru yeah.net ymail.com zoho.com
    """.split()  # noqa: SIM905
)
