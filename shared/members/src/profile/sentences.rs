//! The messages for each kind of violation, in French and in English. `code` defines the kinds.

use super::{
    language::Language,
    violation::{Code, Violation},
};

impl Violation {
    /// One sentence for the member: what is wrong and how to fix it.
    pub fn message(&self, language: Language) -> String {
        let (french, english) = pattern(self.code);
        let (pattern, open, close) = match language {
            Language::Fr => (french, "«\u{a0}", "\u{a0}»"),
            Language::En => (english, "“", "”"),
        };
        let value = format!("{open}{}{close}", self.value);
        // The value is inserted last: `{` in a member's text is never interpreted.
        pattern.replace("{detail}", &self.detail).replacen("{value}", &value, 1)
    }
}

/// Both sentences: `{value}` is the rejected value, `{detail}` the limit.
fn pattern(code: Code) -> (&'static str, &'static str) {
    match code {
        Code::UnknownField => ("Ce champ n’existe pas\u{a0}; retirez-le.", "There is no such field; remove it."),
        Code::WrongType => {
            ("{value} n’est pas du type attendu ({detail}).", "{value} is not of the expected type ({detail}).")
        }
        Code::Required => ("Ce champ est obligatoire\u{a0}; remplissez-le.", "This field is required; fill it in."),
        Code::InputTooLarge => (
            "La demande dépasse {detail} octets\u{a0}; raccourcissez-la.",
            "The request is over {detail} bytes; shorten it.",
        ),
        Code::InputTooDeep => (
            "La demande est imbriquée sur plus de {detail} niveaux.",
            "The request is nested more than {detail} levels deep.",
        ),
        Code::TooShort => (
            "{value} est trop court\u{a0}: il faut au moins {detail} caractères.",
            "{value} is too short: write at least {detail} characters.",
        ),
        Code::TooLong => (
            "{value} est trop long\u{a0}: {detail} caractères au plus.",
            "{value} is too long: write at most {detail} characters.",
        ),
        Code::TooMany => ("Trop d’éléments\u{a0}: {detail} au plus.", "Too many entries: at most {detail}."),
        Code::OutOfRange => ("{value} est hors limites\u{a0}: de {detail}.", "{value} is out of range: from {detail}."),
        Code::NotOneOf => {
            ("{value} n’est pas un choix possible\u{a0}: {detail}.", "{value} is not one of the choices: {detail}.")
        }
        Code::ControlCharacter => (
            "{value} contient un caractère de contrôle ou un saut de ligne\u{a0}; retirez-le.",
            "{value} holds a control character or a line break; remove it.",
        ),
        Code::DirectionCharacter => (
            "{value} contient un caractère qui inverse le sens de lecture\u{a0}; retirez-le.",
            "{value} holds a character that turns the reading direction; remove it.",
        ),
        Code::InvisibleCharacter => (
            "{value} contient un caractère invisible\u{a0}; retirez-le.",
            "{value} holds an invisible character; remove it.",
        ),
        Code::StackedMarks => {
            ("{value} porte trop de signes sur une même lettre.", "{value} carries too many marks on one letter.")
        }
        Code::NameMalformed => (
            "{value} ne peut pas être un nom\u{a0}: écrivez des lettres, des espaces, des apostrophes et des traits d’union.",
            "{value} cannot be a name: write letters, spaces, apostrophes and hyphens.",
        ),
        Code::HandleMalformed => (
            "{value} ne convient pas comme identifiant\u{a0}: lettres et chiffres, avec un seul - ou _ entre eux.",
            "{value} is no handle: letters and digits, with a single - or _ between them.",
        ),
        Code::HandleReserved => (
            "L’identifiant {value} est réservé\u{a0}; choisissez-en un autre.",
            "The handle {value} is reserved; choose another.",
        ),
        Code::HandleMixedScripts => (
            "{value} mélange des écritures ou emploie des lettres hors d’usage\u{a0}; restez dans un seul alphabet.",
            "{value} mixes scripts or uses letters that are not in use; keep to one alphabet.",
        ),
        Code::HandleTaken => (
            "L’identifiant {value}, ou un autre qui lui ressemble, est déjà pris\u{a0}; choisissez-en un autre.",
            "The handle {value}, or one that looks like it, is taken; choose another.",
        ),
        Code::EmailMalformed => (
            "{value} n’est pas une adresse e-mail\u{a0}; écrivez-la comme nom@exemple.fr.",
            "{value} is not an e-mail address; write one such as name@example.org.",
        ),
        Code::EmailNotAscii => (
            "{value} a des lettres accentuées avant le @, où nos messages n’arrivent pas\u{a0}; donnez une autre adresse.",
            "{value} has letters beyond a to z before the @, where our mails do not arrive; give another address.",
        ),
        Code::EmailNotVerified => (
            "{value} n’est pas l’adresse vérifiée de la connexion du membre\u{a0}; changez-la d’abord là, vérifiez-la, puis \
             envoyez la demande avec le nouveau jeton d’identité (ID token).",
            "{value} is not the verified address that the member signs in with; change it there first, verify it, then send \
             the request with the new ID token.",
        ),
        Code::EmailTaken => {
            ("L’adresse {value} appartient déjà à un autre profil.", "The address {value} belongs to another profile.")
        }
        Code::PhoneMalformed => (
            "{value} n’est pas un numéro de téléphone\u{a0}; écrivez-le avec son indicatif, comme +33 6 12 34 56 78.",
            "{value} is not a telephone number; write it with its country code, such as +33 6 12 34 56 78.",
        ),
        Code::UrlMalformed => (
            "{value} n’est pas une adresse web\u{a0}; écrivez-la comme https://exemple.fr/page.",
            "{value} is not a web address; write one such as https://example.org/page.",
        ),
        Code::UrlNotHttps => ("{value} doit commencer par https://.", "{value} must begin with https://."),
        Code::UrlUserinfo => (
            "{value} contient un nom d’utilisateur ou un mot de passe\u{a0}; retirez-le.",
            "{value} holds a user name or a password; remove it.",
        ),
        Code::UrlPort => ("{value} contient un port\u{a0}; retirez-le.", "{value} holds a port; remove it."),
        Code::UrlPrivateHost => (
            "{value} n’est pas accessible publiquement\u{a0}; donnez une adresse publique.",
            "{value} cannot be reached by everyone; give a public address.",
        ),
        Code::UrlMixedScripts => (
            "Le domaine de {value} imite un autre par ses lettres.",
            "The domain of {value} imitates another by its letters.",
        ),
        Code::UrlKindMismatch => (
            "{value} ne correspond pas au type du lien\u{a0}: {detail}.",
            "{value} does not match the link’s kind: {detail}.",
        ),
        Code::SkillDuplicate => (
            "La compétence {value} figure deux fois, différemment\u{a0}; gardez-en une.",
            "The skill {value} is there twice, differently; keep one.",
        ),
        Code::CountryUnknown => (
            "{value} n’est pas un pays\u{a0}; écrivez son code à deux lettres, comme FR.",
            "{value} is not a country; write its code of two letters, such as FR.",
        ),
        Code::LanguageUnknown => (
            "{value} n’est pas une langue\u{a0}; écrivez son code, comme fr ou en-GB.",
            "{value} is not a language; write its tag, such as fr or en-GB.",
        ),
        Code::DateMalformed => (
            "{value} n’est pas une date\u{a0}; écrivez-la comme 2026-11-21.",
            "{value} is not a date; write it as 2026-11-21.",
        ),
        Code::DateMisplaced => {
            ("Une date accompagne le statut FROM, et lui seul.", "A date goes with the status FROM, and with no other.")
        }
        Code::TypeNotAllowed => ("{value} n’est pas accepté\u{a0}: {detail}.", "{value} is not accepted: {detail}."),
        Code::SizeNotAllowed => (
            "La taille {value} ne convient pas\u{a0}: de 1 à {detail} octets.",
            "The size {value} is not allowed: from 1 to {detail} bytes.",
        ),
        Code::ChecksumMalformed => {
            ("{value} n’est pas une empreinte SHA-256 en base64.", "{value} is not a SHA-256 in base64.")
        }
        Code::UploadUnknown => (
            "Aucun dépôt de ce nom ne vous attend\u{a0}; demandez-en un nouveau.",
            "No upload of that name awaits you; request a new one.",
        ),
        Code::UploadExpired => {
            ("Ce dépôt a expiré\u{a0}; demandez-en un nouveau.", "This upload has expired; request a new one.")
        }
        Code::UploadMissing => (
            "Aucun fichier n’est encore arrivé\u{a0}; déposez-le, puis confirmez.",
            "No file has come yet; upload it, then confirm.",
        ),
        Code::UploadDiffers => (
            "Le fichier reçu n’est pas celui annoncé ({detail})\u{a0}; il a été supprimé.",
            "The file that came is not the one announced ({detail}); it was deleted.",
        ),
        Code::UploadsOpen => (
            "Au plus 10 fichiers peuvent être annoncés à la fois\u{a0}; confirmez-les, ou réessayez après {detail}.",
            "At most 10 files may be announced at once; confirm them, or try again after {detail}.",
        ),
        Code::UploadsConfirmed => (
            "Au plus 20 fichiers peuvent être confirmés par heure\u{a0}; réessayez après {detail}.",
            "At most 20 files may be confirmed an hour; try again after {detail}.",
        ),
        Code::ExportsTaken => (
            "Vos données peuvent être exportées 6 fois par heure\u{a0}; réessayez après {detail}.",
            "Your data may be exported 6 times an hour; try again after {detail}.",
        ),
        Code::CvUnreadable => (
            "Le fichier reçu n’est pas un PDF lisible\u{a0}; exportez le CV à nouveau en PDF.",
            "The file that came is no readable PDF; export the CV as PDF again.",
        ),
        Code::CvEncrypted => (
            "Le PDF est protégé par un mot de passe ou des restrictions\u{a0}; enregistrez-le sans protection.",
            "The PDF is protected by a password or by restrictions; save it without protection.",
        ),
        Code::CvScript => (
            "Le PDF contient du JavaScript ou une action automatique\u{a0}; imprimez-le en PDF, ce qui les retire.",
            "The PDF holds JavaScript or an automatic action; print it to PDF, which removes them.",
        ),
        Code::CvLink => (
            "Un lien du PDF lance un programme ou ouvre un fichier\u{a0}; gardez les liens web, e-mail et téléphone.",
            "A link of the PDF starts a program or opens a file; keep links to the web, mail and telephone alone.",
        ),
        Code::CvEmbeddedFile => (
            "Le PDF contient un autre fichier\u{a0}; retirez la pièce jointe, ou imprimez-le en PDF.",
            "The PDF holds another file; remove the attachment, or print it to PDF.",
        ),
        Code::CvMedia => (
            "Le PDF contient du son, de la vidéo ou de la 3D\u{a0}; retirez-les, ou imprimez-le en PDF.",
            "The PDF holds sound, film or 3D; remove it, or print it to PDF.",
        ),
        Code::CvForm => (
            "Le PDF est un formulaire actif\u{a0}; imprimez-le en PDF, ce qui l’aplatit.",
            "The PDF is an active form; print it to PDF, which flattens it.",
        ),
        Code::CvTooComplex => (
            "Le PDF contient trop d’objets pour un CV\u{a0}; imprimez-le en PDF, ou retirez des pages et des dessins.",
            "The PDF has too many objects for a CV; print it to PDF, or remove pages and drawings.",
        ),
        Code::CursorForeign => (
            "Ce curseur n’est pas celui de cette recherche\u{a0}; recommencez-la.",
            "This cursor does not belong to this search; start it again.",
        ),
    }
}
