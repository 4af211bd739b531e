"""What CRMs and people in several languages call the fields of a contact."""

import re
from collections.abc import Mapping

from kontor_crm_core.imports.mapping.targets import Target
from kontor_platform.data.records.fold import fold

NOT_WORD = re.compile(r"[\W_]+")


def squeezed(name: str) -> str:
    """A column's name as it is compared: folded, letters and digits alone, without the mark of custom fields."""
    return NOT_WORD.sub("", fold(name.strip().removesuffix("__c").removesuffix("__C")))


def listed(target: Target, text: str) -> Mapping[str, tuple[Target, int]]:
    """Names of a target, the preferred first: a later line is taken only where no earlier one stands in the file.

    A line that ends with a bar goes on in the next.
    """
    lines = re.sub(r"\|\s*\n\s*", "|", text).splitlines()
    return {
        squeezed(name): (target, rank)
        for rank, line in enumerate(filter(None, map(str.strip, lines)))
        for name in line.split("|")
    }


NAMES: Mapping[str, tuple[Target, int]] = {
    **listed(
        Target.EMAIL,
        """
        email|e-mail|mail|email address|e-mail address|emailaddress|primary email|main email|work email|business email
        company email|e mail|contact email|email (work)|email work|person - email|person - email - work|
        lead email|customer email
        e-mail-adresse|mailadresse|emailadresse|email-adresse|e-mail (geschäftlich)|e-mail geschäftlich|
        e-mail 1|e-mail1
        courriel|adresse e-mail|adresse email|adresse mail|adresse électronique|adresse de messagerie|mél|
        e-mail professionnel
        correo|correo electrónico|correo electronico|dirección de correo electrónico|email principal|
        correio eletrônico
        correio eletrónico|endereço de e-mail|endereço de email|posta elettronica|indirizzo email|
        indirizzo e-mail|indirizzo di posta elettronica
        e-mailadres|emailadres|mailadres|e-postadress|e-post|epost|adres e-mail|adres email|mejl|e-mail:|email 1
        person - email - home|person - email - other|email home|home email|private email|personal email|
        e-mail privat|e-mail (privat)
        secondary email|other email|alternate email|additional email addresses|email 2|e-mail 2|zweite e-mail|
        weitere e-mail|npe01__homeemail
        person - email - mobile|npe01__workemail|npe01__alternateemail|email3|e-mail 3|email2address|email3address
        """,
    ),
    **listed(
        Target.PHONE,
        """
        phone|phone number|telephone|tel|telephone number|primary phone|main phone|work phone|business phone|
        office phone|phonenumber|phone no
        telefon|telefonnummer|telefon geschäftlich|telefon (geschäftlich)|rufnummer|festnetz|tel.|telefon 1|fon|
        telefon nr|tel nr
        téléphone|telephone professionnel|numéro de téléphone|tél|tél.|téléphone fixe|teléfono|telefono|
        número de teléfono|numero di telefono
        telefone|número de telefone|telefoon|telefoonnummer|telefoon werk|person - phone|person - phone - work|
        contact phone|phone 1|company phone
        mobile|mobile phone|mobile number|mobile phone number|cell|cell phone|cellphone|mobilephone|handy|
        handynummer|mobil|mobiltelefon|mobilnummer
        portable|tél. portable|tél portable|téléphone portable|mobile professionnel|móvil|teléfono móvil|
        celular|teléfono celular|cellulare|telefonino|telemóvel|mobiel|mobiele telefoon
        mobiel nummer|gsm|person - phone - mobile|telefon mobil|mobilní telefon|komórka|whatsapp|
        whatsapp phone number|phone mobile|phone (mobile)
        home phone|telefon privat|telefon (privat)|phone home|person - phone - home|téléphone personnel|home phone 2
        other phone|phone 2|business phone 2|person - phone - other|second phone|telefon 2|alternate phone|
        secondary phone|car phone
        """,
    ),
    **listed(
        Target.NAME,
        """
        name|full name|fullname|contact name|contact|display name|person - name|person name|lead name|
        customer name|person|customer|client name|fn
        vollständiger name|kontaktname|ansprechpartner|kontakt|nom complet|nom et prénom|prénom et nom|
        nom du contact|contact principal
        nombre completo|nombre y apellidos|nombre de contacto|nome completo|nome e cognome|nome do contato|
        volledige naam|naam|contactpersoon|contactnaam
        nominativo|file as|imię i nazwisko|namn|navn|jméno a příjmení|subscriber name
        """,
    ),
    **listed(
        Target.FIRST_NAME,
        """
        first name|firstname|given name|given names|givenname|forename|first|fname|contact first name|
        person - first name|lead first name|first_name
        vorname|rufname|vornamen|prénom|prénoms|prenom|primer nombre|nombre de pila|nombres|primeiro nome|
        nome próprio|voornaam|roepnaam|förnamn|fornavn|etunimi
        imię|imie|křestní jméno|jméno|keresztnév|имя|prénom du contact|vorname kontakt
        """,
    ),
    **listed(
        Target.LAST_NAME,
        """
        last name|lastname|family name|familyname|surname|last|lname|contact last name|person - last name|
        lead last name|second name|last_name
        nachname|familienname|zuname|nom de famille|apellido|apellidos|primer apellido|cognome|sobrenome|
        apelido|último nome|achternaam|familienaam|efternamn|etternavn
        efternavn|sukunimi|nazwisko|příjmení|vezetéknév|фамилия|nachname kontakt
        """,
    ),
    **listed(
        Target.TITLE,
        """
        job title|jobtitle|job|job position|title|position|role title|occupation|organization title|
        organization 1 - title|person - job title|contact title
        berufsbezeichnung|position im unternehmen|funktion|jobtitel|stelle|berufsbezeichnung/position|
        stellenbezeichnung|abteilung/position
        fonction|poste|intitulé du poste|titre du poste|profession|cargo|puesto|puesto de trabajo|ocupación|
        posizione|ruolo|qualifica|mansione|função|profissão
        functie|functietitel|beroep|befattning|stilling|stanowisko|pozice|должность
        """,
    ),
    **listed(
        Target.CITY,
        """
        city|town|stadt|ort|wohnort|ville|ciudad|città|citta|cidade|plaats|woonplaats|stad|miasto|město|by|
        localidad|localité|comune|población|город|city/town
        mailing city|mailingcity|work city|business city|address 1 - city|city (work)|geschäftlich ort|
        ort geschäftlich|person - city|address - city|postal city|primary address city
        home city|ort privat|privat ort|other city|othercity|billing city|shipping city|address 2 - city|contact city
        """,
    ),
    **listed(
        Target.COUNTRY,
        """
        country|country/region|land|pays|país|pais|paese|nazione|kraj|země|country region|country name|
        country code|stato/paese|land/region|land/region geschäftlich|страна|pays/région
        mailing country|mailingcountry|business country|business country/region|address 1 - country|
        work country|mailing countrycode|person - country|address - country
        home country|home country/region|other country|other country/region|othercountry|billing country|
        shipping country|contact country
        """,
    ),
    **listed(
        Target.COMPANY,
        """
        company|company name|organization|organisation|organization name|organisation name|account name|account|
        associated company|employer|business name|business
        organization 1 - name|person - organization|account.name|accountname|lead company|org|
        associated company names|company / account|company/account|current company
        firma|firmenname|unternehmen|organisationseinheit|arbeitgeber|betrieb|firma/organisation|
        unternehmensname|name der firma
        société|entreprise|raison sociale|nom de l'entreprise|nom de la société|organisme|empresa|compañía|
        compania|nombre de la empresa|organización|razón social
        azienda|società|societa|ditta|ragione sociale|nome azienda|organizzazione|nome da empresa|organização|
        companhia|razão social
        bedrijf|bedrijfsnaam|organisatie|organisatienaam|företag|företagsnamn|firmanavn|virksomhed|yritys|
        przedsiębiorstwo|nazwa firmy|společnost|cég|компания|организация
        """,
    ),
    **listed(
        Target.COMPANY_DOMAIN,
        """
        company domain|company domain name|domain|website domain|account domain|email domain|
        organization domain|company_domain
        website|web site|website url|company website|url|web page|homepage|web|webseite|site web|site internet|
        sitio web|sito web|sito|página web|pagina web|site
        business web page|website 1 - value|organization website|account website|firmenwebsite|internetadresse|
        company url
        """,
    ),
    **listed(
        Target.OWNER,
        """
        owner|owner email|owner e-mail|contact owner|lead owner|record owner|account manager|assigned to|
        assigned user|sales rep|salesperson|owner name|person - owner
        contact owner email|assignee|responsible|sales owner|relationship manager|owner_id
        besitzer|inhaber|eigentümer|zuständig|verantwortlich|verantwortlicher|betreuer|kundenbetreuer|
        kontaktinhaber|zuständiger mitarbeiter|vertriebsmitarbeiter
        propriétaire|responsable|commercial|propriétaire du contact|propietario|propietario del contacto|
        asignado a|proprietario|assegnato a|proprietário|responsável|eigenaar|verantwoordelijke
        """,
    ),
    **listed(
        Target.OPTED_OUT,
        """
        opted out|opted_out|email_opted_out|email opt out|hasoptedoutofemail|has opted out of email|
        unsubscribed|unsubscribed from all email|opt out|opt-out|email optout|do not email|no email
        abgemeldet|newsletter abgemeldet|keine e-mails|e-mail-abmeldung|désabonné|désinscrit|no contactar|
        dado de baja|disiscritto|descadastrado|uitgeschreven|afgemeld|email opted out
        """,
    ),
    **listed(
        Target.OPTED_OUT_AT, "unsub_time|unsubscribed at|unsubscribe date|opted out at|opt out date|unsubscribed on"
    ),
    **listed(Target.BOUNCED, "email bounced|bounced|isemailbounced|is email bounced|email_bounced|hard bounced"),
    **listed(
        Target.CONSENT_BASIS,
        """
        consent basis|consent_basis|email_consent_basis|legal basis|legal basis for processing contact's data|
        rechtsgrundlage|base légale
        """,
    ),
}

NUMBERED: tuple[tuple[re.Pattern[str], Target], ...] = (
    (re.compile(r"e?mail\d{1,2}(value|address|adresse)?"), Target.EMAIL),
    (
        re.compile(r"email(s)?(work|home|other|privat|geschaftlich|personal|business|school|icloud)\d{0,2}"),
        Target.EMAIL,
    ),
    (re.compile(r"(tele)?phone\d{1,2}(value|number)?"), Target.PHONE),
    (
        re.compile(
            r"(tele)?(phone|fon)s?(work|home|other|mobile|mobil|cell|main|iphone|privat|geschaftlich|business)\d{0,2}"
        ),
        Target.PHONE,
    ),
    (re.compile(r"(business|home|mobile|other|work|office|company|main)(tele)?phone\d{0,2}"), Target.PHONE),
    (re.compile(r"email\d{1,2}optedout"), Target.OPTED_OUT),
    (re.compile(r"email\d{1,2}bounced"), Target.BOUNCED),
    (re.compile(r"email\d{1,2}consentbasis"), Target.CONSENT_BASIS),
)
# A word that means the whole name alone, and one part of it beside the other part.
PART_OF_NAME: Mapping[str, Target] = {
    "nom": Target.LAST_NAME,
    "name": Target.LAST_NAME,
    "naam": Target.LAST_NAME,
    "namn": Target.LAST_NAME,
    "nombre": Target.FIRST_NAME,
    "nome": Target.FIRST_NAME,
    "jmeno": Target.FIRST_NAME,
}
