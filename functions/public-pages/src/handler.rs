//! Maps what people do on the pages to declarations.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use comptoir::{
    clock::Clock,
    outcome::ServiceError,
    secret,
    seller::Seller,
    settings::{SettingsReader, cache::CachedSettings},
};
use comptoir_edge::{door::Request, telemetry::count};
use comptoir_plans::declaration::{
    letter::REVOKE_PATH,
    record::Declaration,
    statement::{Form, Kind, Statement, Wrong, read},
    store::{Change, DeclarationStore, Declared, Then},
};

use crate::page::{BadTemplate, Page, Pages, Shown, View};

const SERVICE: &str = "public-pages";

/// Longest form that is read, in bytes.
const LONGEST_FORM: usize = 16 * 1024;

/// How often somebody may declare the same again on a day, after each time was revoked.
const AGAIN: u32 = 5;

/// What pages need.
#[derive(Debug)]
pub struct Desk<D, S, C> {
    /// The declarations.
    pub declarations: D,
    /// Who sells.
    pub settings: CachedSettings<S>,
    /// The templates.
    pub pages: Pages,
    /// The clock.
    pub clock: C,
    /// Makes a secret that nobody may guess.
    pub secret: fn() -> String,
}

/// What somebody sent: the fields of a form by name.
type Sent = BTreeMap<String, String>;

enum No {
    Failed(ServiceError),
    Template(BadTemplate),
}

impl From<ServiceError> for No {
    fn from(error: ServiceError) -> Self {
        Self::Failed(error)
    }
}

impl From<BadTemplate> for No {
    fn from(error: BadTemplate) -> Self {
        Self::Template(error)
    }
}

impl<D: DeclarationStore, S: SettingsReader, C: Clock> Desk<D, S, C> {
    /// Answers a request with a page.
    pub async fn handle(&self, request: Request, request_id: &str) -> Page {
        let route = request.route_key.as_str();
        match self.answer(&request, request_id).await {
            Ok(page) => page,
            Err(No::Failed(error)) => {
                count(SERVICE, "Parked", usize::from(error.is_permanent()));
                tracing::error!(request_id, route, "not answered: {error}");
                self.failed(&request)
            }
            Err(No::Template(error)) => {
                count(SERVICE, "Parked", 1);
                tracing::error!(request_id, route, "not answered: {error}");
                self.failed(&request)
            }
        }
    }

    fn failed(&self, request: &Request) -> Page {
        let shown = Shown::new(View::Failed, false, french(request, true));
        let plain = |_| Page { status_code: 500, headers: BTreeMap::new(), body: String::new() };
        self.pages.page(500, &shown, None).unwrap_or_else(plain)
    }

    async fn answer(&self, request: &Request, request_id: &str) -> Result<Page, No> {
        let settings = self.settings.get(self.clock.now()).await?;
        let seller = settings.of_day(settings.day_of(self.clock.now()));
        let french = french(request, seller.language == "fr");
        let (method, path) = request.route_key.split_once(' ').unwrap_or_default();
        let sent = if method == "POST" { sent(request) } else { request.query_string_parameters.clone() };
        let kind = if path == "/renoncer" { Kind::Withdrawal } else { Kind::Termination };
        match (method, path) {
            (_, REVOKE_PATH) => self.revoke(method == "POST", &sent, french, &seller, request_id).await,
            ("POST", _) => self.declare(kind, &sent, french, &seller, request_id).await,
            _ => self.show(200, Shown::new(View::Form, kind == Kind::Withdrawal, french), &seller),
        }
    }

    fn show(&self, status: u16, shown: Shown, seller: &Seller) -> Result<Page, No> {
        Ok(self.pages.page(status, &shown, Some(seller))?)
    }

    async fn declare(
        &self,
        kind: Kind,
        sent: &Sent,
        french: bool,
        seller: &Seller,
        request_id: &str,
    ) -> Result<Page, No> {
        let now = self.clock.now();
        let field = |name: &str| sent.get(name).cloned().unwrap_or_default();
        let form = Form {
            name: field("name"),
            email: field("email"),
            reference: field("reference"),
            wished: field("wished"),
            reason: field("reason"),
        };
        let shown = |view| Shown { fields: fields(&form), ..Shown::new(view, kind == Kind::Withdrawal, french) };
        let statement = match read(kind, &form, french, &seller.time_zone, now) {
            Ok(statement) => statement,
            Err(wrong) => {
                let wrong = wrong.into_iter().map(|wrong: Wrong| (wrong.field(), wrong.code())).collect();
                return self.show(422, Shown { wrong, ..shown(View::Form) }, seller);
            }
        };
        match field("step").as_str() {
            "confirm" => {}
            "edit" => return self.show(200, shown(View::Form), seller),
            _ => return self.show(200, shown(View::Check), seller),
        }
        if !self.keep(&statement, request_id).await? {
            tracing::warn!(request_id, "too many declarations today");
            return self.show(429, shown(View::TooMany), seller);
        }
        let at = now.to_zoned(seller.time_zone.clone()).strftime("%d/%m/%Y %H:%M (UTC%:z)").to_string();
        self.show(200, Shown { at, ..shown(View::Done) }, seller)
    }

    /// Keeps a declaration, once a day and person; whether there was room for it.
    async fn keep(&self, statement: &Statement, request_id: &str) -> Result<bool, No> {
        let now = self.clock.now();
        for again in 0..AGAIN {
            let id = statement.id(again);
            let declaration = Declaration::new(statement.clone(), (self.secret)());
            match self.declarations.declare(&id, &declaration, now).await? {
                Declared::New => {
                    tracing::info!(request_id, id, kind = statement.kind.as_str(), "declared");
                    return Ok(true);
                }
                Declared::TooMany => return Ok(false),
                Declared::Before => {
                    let before = self.declarations.declaration(&id).await?;
                    if before.is_none_or(|before| before.declaration.revoked_at.is_none()) {
                        return Ok(true);
                    }
                }
            }
        }
        Ok(false)
    }

    /// Lets a contract go on that somebody else declared the end of: `write` once it is said so, before that it is asked.
    async fn revoke(
        &self,
        write: bool,
        sent: &Sent,
        french: bool,
        seller: &Seller,
        request_id: &str,
    ) -> Result<Page, No> {
        let now = self.clock.now();
        let field = |name: &str| sent.get(name).map(String::as_str).unwrap_or_default();
        let (id, given) = (field("d"), field("s"));
        let is_id = id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit());
        let read = if is_id { self.declarations.declaration(id).await? } else { None };
        let known = read.filter(|read| secret::is_among(given, &read.declaration.secret));
        let Some(read) = known else { return self.show(404, Shown::new(View::Unknown, false, french), seller) };
        let withdrawal = read.declaration.statement.kind == Kind::Withdrawal;
        if read.declaration.revoked_at.is_some() {
            return self.show(200, Shown::new(View::Revoked, withdrawal, french), seller);
        }
        if !read.declaration.state.is_revocable() {
            return self.show(410, Shown::new(View::Unknown, withdrawal, french), seller);
        }
        if !write {
            let revoke = Some((id.to_owned(), given.to_owned()));
            return self.show(200, Shown { revoke, ..Shown::new(View::Revoke, withdrawal, french) }, seller);
        }
        let declaration = Declaration { revoked_at: Some(now), ..read.declaration };
        let change =
            Change { id, version: read.version, declaration: &declaration, then: Then::Until(now), mail: None };
        match self.declarations.change(&change, now).await? {
            comptoir_plans::store::Committed::Done => {
                tracing::info!(request_id, id, "revoked");
                self.show(200, Shown::new(View::Revoked, withdrawal, french), seller)
            }
            comptoir_plans::store::Committed::Conflict => {
                Err(ServiceError::transient("the declarations", "it is being carried out; it is tried again").into())
            }
        }
    }
}

fn fields(form: &Form) -> BTreeMap<&'static str, String> {
    BTreeMap::from([
        ("name", form.name.clone()),
        ("email", form.email.clone()),
        ("reference", form.reference.clone()),
        ("wished", form.wished.clone()),
        ("reason", form.reason.clone()),
    ])
}

/// The fields of a form; of one that is too long, none.
fn sent(request: &Request) -> Sent {
    let body = request.body.as_deref().unwrap_or_default();
    let bytes =
        if request.is_base64_encoded { STANDARD.decode(body).unwrap_or_default() } else { body.as_bytes().to_vec() };
    if bytes.len() > LONGEST_FORM {
        return Sent::new();
    }
    url::form_urlencoded::parse(&bytes).map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

/// Whether a page is in French: what the address asks for, else what the browser does, else the seller's language.
fn french(request: &Request, usual: bool) -> bool {
    let asked = request.query_string_parameters.get("lang").map(String::as_str);
    let read = request.headers.get("accept-language").map(String::as_str).unwrap_or_default();
    let mut wanted = asked.into_iter().chain(read.split([',', ';']).map(str::trim));
    wanted
        .find_map(|language| match language.get(..2) {
            Some("fr") => Some(true),
            Some("en") => Some(false),
            _ => None,
        })
        .unwrap_or(usual)
}

#[cfg(test)]
mod tests;
