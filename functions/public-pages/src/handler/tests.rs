use std::collections::HashMap;

use comptoir::{
    clock::FixedClock,
    memory::{Fault, FaultPlan, InMemoryStore, at_once},
    seller::SettingsDocument,
    settings::{
        cache::{CachedSettings, SETTINGS_KEPT},
        change::{self, save},
    },
    testing::FRANCHISE_TOML,
};
use comptoir_plans::declaration::{memory::InMemoryDeclarations, record::State};
use jiff::Timestamp;

use super::*;

type Small<'a> = Desk<InMemoryDeclarations, &'a InMemoryStore, FixedClock>;

fn now() -> Timestamp {
    "2026-11-27T10:00:00Z".parse().unwrap()
}

fn store() -> InMemoryStore {
    let store = InMemoryStore::default();
    let document = SettingsDocument::from_toml(FRANCHISE_TOML).unwrap();
    at_once(save(&store, change::Change { document, seen: None, by: "owner".to_owned(), past: false }, now())).unwrap();
    store
}

fn desk(store: &InMemoryStore, faults: FaultPlan) -> Small<'_> {
    Desk {
        declarations: InMemoryDeclarations::under(faults),
        settings: CachedSettings::new(store, SETTINGS_KEPT),
        pages: Pages::new().unwrap(),
        clock: FixedClock(now()),
        secret: || "secret".to_owned(),
    }
}

fn sends(desk: &Small<'_>, route: &str, form: &str) -> Page {
    let headers = HashMap::from([("accept-language".to_owned(), "fr-FR,fr;q=0.9".to_owned())]);
    let mut request = Request { route_key: route.to_owned(), headers, ..Request::default() };
    if route.starts_with("POST") {
        request.body = Some(STANDARD.encode(form));
        request.is_base64_encoded = true;
    } else {
        let pairs = url::form_urlencoded::parse(form.as_bytes());
        request.query_string_parameters = pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
    }
    at_once(desk.handle(request, "r-1"))
}

const ZOE: &str = "name=Zo%C3%A9+Martin&email=zoe%40example.org&reference=&wished=&reason=";

fn id(again: u32) -> String {
    let form = Form { name: "Zoé Martin".to_owned(), email: "zoe@example.org".to_owned(), ..Form::default() };
    read(Kind::Termination, &form, true, &jiff::tz::TimeZone::UTC, now()).unwrap().id(again)
}

#[test]
fn nothing_is_declared_before_it_was_checked_and_confirmed() {
    let store = store();
    let desk = desk(&store, FaultPlan::default());
    let form = sends(&desk, "GET /resilier", "");
    assert_eq!((form.status_code, form.body.contains("Résilier votre contrat")), (200, true));
    let check = sends(&desk, "POST /resilier", &format!("{ZOE}&step=check"));
    assert!(check.body.contains("Notifier la résiliation") && check.body.contains("zoe@example.org"));
    let edit = sends(&desk, "POST /resilier", &format!("{ZOE}&step=edit"));
    assert!(edit.body.contains("value=\"Zoé Martin\""));
    assert_eq!(desk.declarations.standing(&id(0)), None);
    for _ in 0..2 {
        let done = sends(&desk, "POST /resilier", &format!("{ZOE}&step=confirm"));
        assert_eq!((done.status_code, done.body.contains("Votre résiliation est notifiée")), (200, true));
    }
    let declared = desk.declarations.standing(&id(0)).unwrap();
    assert_eq!((declared.version, declared.open_since), (1, Some(now())));
    assert_eq!(desk.declarations.standing(&id(1)), None, "pressed twice it is one");
}

#[test]
fn what_is_wrong_is_named_and_what_was_typed_stays() {
    let store = store();
    let desk = desk(&store, FaultPlan::default());
    for step in ["check", "confirm", "edit"] {
        let page = sends(&desk, "POST /resilier", &format!("name=Zo%C3%A9&email=zoe&wished=x&step={step}"));
        assert_eq!(page.status_code, 422, "{step}");
        for expected in ["href=\"#email\"", "href=\"#wished\"", "value=\"Zoé\"", "aria-invalid=\"true\""] {
            assert!(page.body.contains(expected), "{step}: {expected}");
        }
    }
    let long =
        sends(&desk, "POST /resilier", &format!("name={}&email=zoe%40example.org&step=confirm", "x".repeat(20_000)));
    assert_eq!(long.status_code, 422);
}

#[test]
fn a_contract_goes_on_by_the_link_alone() {
    let store = store();
    let desk = desk(&store, FaultPlan::default());
    sends(&desk, "POST /resilier", &format!("{ZOE}&step=confirm"));
    for stranger in [
        "",
        "d=x&s=secret",
        &format!("d={}&s=other", id(0)),
        &format!("d={}&s=", id(0)),
        &format!("d={}&s=secret", "0".repeat(32)),
    ] {
        assert_eq!(sends(&desk, "POST /annuler", stranger).status_code, 404, "{stranger}");
    }
    let link = format!("d={}&s=secret", id(0));
    assert!(sends(&desk, "GET /annuler", &link).body.contains("Continuer le contrat"));
    assert_eq!(desk.declarations.standing(&id(0)).unwrap().declaration.revoked_at, None, "asking changes nothing");
    for _ in 0..2 {
        assert!(sends(&desk, "POST /annuler", &link).body.contains("Votre contrat continue"));
    }
    assert_eq!(desk.declarations.standing(&id(0)).unwrap().declaration.revoked_at, Some(now()));
    sends(&desk, "POST /resilier", &format!("{ZOE}&step=confirm"));
    assert!(desk.declarations.standing(&id(1)).is_some(), "what was revoked may be declared again");
}

#[test]
fn what_cannot_be_undone_is_not_revoked() {
    let store = store();
    let desk = desk(&store, FaultPlan::default());
    sends(&desk, "POST /resilier", &format!("{ZOE}&step=confirm"));
    let mut declaration = desk.declarations.standing(&id(0)).unwrap().declaration;
    declaration.state = State::Withdrawn;
    let id = id(0);
    let change = Change { id: &id, version: 1, declaration: &declaration, then: Then::Rest, mail: None };
    at_once(desk.declarations.change(&change, now())).unwrap();
    assert_eq!(sends(&desk, "POST /annuler", &format!("d={id}&s=secret")).status_code, 410);
}

#[test]
fn what_fails_says_that_nothing_was_recorded() {
    let store = store();
    let desk = desk(&store, FaultPlan::with(0, Fault::Before));
    let page = sends(&desk, "POST /resilier", &format!("{ZOE}&step=confirm"));
    assert_eq!((page.status_code, page.body.contains("Rien n’a été enregistré")), (500, true));
    let empty = InMemoryStore::default();
    let closed = Desk {
        settings: CachedSettings::new(&empty, SETTINGS_KEPT),
        declarations: InMemoryDeclarations::default(),
        pages: Pages::new().unwrap(),
        clock: FixedClock(now()),
        secret: String::new,
    };
    assert_eq!(sends(&closed, "GET /resilier", "").status_code, 500);
}

#[test]
fn the_language_is_the_readers() {
    let store = store();
    let desk = desk(&store, FaultPlan::default());
    assert!(sends(&desk, "GET /resilier", "lang=en").body.contains("End your contract"));
    assert!(sends(&desk, "GET /renoncer", "lang=fr").body.contains("Renoncer au contrat ici"));
}
