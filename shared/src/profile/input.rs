//! Reading what a client sent: a `Draft` of a profile, or a `Change` to one. Every mistake is found at once, with its path.
//!
//! Shapes are judged here, values by the rule of each field. AppSync checks types against its schema first; nothing here
//! relies on that, since events also come from consoles and tests, and the schema may be older than the function.

use serde_json::{Map, Value};

use super::{
    availability::{self, Availability},
    email, handle,
    links::{self, Link, LinkKind},
    location::{self, Location},
    names, phone,
    skills::{self, Level, Skill},
    text::{self, Shape},
    violation::{Code, Findings, Violation},
};

/// Most bytes of an input.
pub const LARGEST: usize = 64 * 1024;
/// Deepest nesting of an input: input, list, entry, and one to spare.
pub const DEEPEST: usize = 4;

const HEADLINE: Shape = Shape::line(0, 120);
const BIO: Shape = Shape { least: 0, most: 4000, lines: true };

/// What a change does to one field.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Edit<T> {
    /// It was not named: it stays.
    #[default]
    Leave,
    /// It was named as null, or left empty: it goes.
    Clear,
    /// It becomes this.
    Set(T),
}

impl<T> Edit<T> {
    /// The field afterwards, for one that may be empty.
    pub fn over(self, before: Option<T>) -> Option<T> {
        match self {
            Self::Leave => before,
            Self::Clear => None,
            Self::Set(value) => Some(value),
        }
    }

    fn map<U>(self, with: impl FnOnce(T) -> Option<U>) -> Edit<U> {
        match self {
            Self::Leave => Edit::Leave,
            Self::Clear => Edit::Clear,
            // A value with mistakes is never used: they were noted, and fail the whole input.
            Self::Set(value) => with(value).map_or(Edit::Clear, Edit::Set),
        }
    }
}

/// What becomes of each field, valid by construction.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "each is the field of `Profile` of the same name, and told there")]
pub struct Change {
    pub handle: Edit<String>,
    pub first_name: Edit<String>,
    pub last_name: Edit<String>,
    pub email: Edit<String>,
    pub phone: Edit<String>,
    pub headline: Edit<String>,
    pub bio: Edit<String>,
    pub skills: Edit<Vec<Skill>>,
    pub links: Edit<Vec<Link>>,
    pub location: Edit<Location>,
    pub availability: Edit<Availability>,
    pub languages: Edit<Vec<String>>,
    /// Takes the picture away; one is set by an upload alone.
    pub remove_avatar: bool,
    /// Takes the curriculum vitae away; one is set by an upload alone.
    pub remove_cv: bool,
}

/// A whole profile to create, valid by construction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// In normal form.
    pub handle: String,
    /// Given name.
    pub first_name: String,
    /// Family name.
    pub last_name: String,
    /// Fit to be mailed to.
    pub email: String,
    /// All the rest, and these again, as a change of a blank profile.
    pub rest: Change,
}

/// Reads the input of `createProfile`.
///
/// # Errors
/// Every mistake in it.
pub fn draft(input: &Value) -> Result<Draft, Vec<Violation>> {
    let mut findings = Findings::default();
    let rest = read(input, Purpose::Create, None, &mut findings);
    let required = [
        ("handle", matches!(rest.handle, Edit::Leave)),
        ("firstName", matches!(rest.first_name, Edit::Leave)),
        ("lastName", matches!(rest.last_name, Edit::Leave)),
        ("email", matches!(rest.email, Edit::Leave)),
    ];
    for (field, absent) in required {
        if absent && input.is_object() {
            findings.add(Code::Required, field, "");
        }
    }
    match (&rest.handle, &rest.first_name, &rest.last_name, &rest.email) {
        (Edit::Set(handle), Edit::Set(first_name), Edit::Set(last_name), Edit::Set(email)) if findings.0.is_empty() => {
            Ok(Draft {
                handle: handle.clone(),
                first_name: first_name.clone(),
                last_name: last_name.clone(),
                email: email.clone(),
                rest,
            })
        }
        _ => Err(findings.0),
    }
}

/// Reads the input of `updateProfile`. A number without a country code is one of the new location's country, or of
/// `country`, where the profile is so far.
///
/// # Errors
/// Every mistake in it.
pub fn change(input: &Value, country: Option<&str>) -> Result<Change, Vec<Violation>> {
    let mut findings = Findings::default();
    let change = read(input, Purpose::Update, country, &mut findings);
    if findings.0.is_empty() { Ok(change) } else { Err(findings.0) }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Create,
    Update,
}

fn read(input: &Value, purpose: Purpose, country: Option<&str>, findings: &mut Findings) -> Change {
    if !fits(input, findings) {
        return Change::default();
    }
    let Value::Object(fields) = input else {
        findings.add_with(Code::WrongType, "", &brief(input), "object");
        return Change::default();
    };
    let mut form = Form { fields, path: String::new(), known: Vec::new(), findings };
    let location = form.object("location").map(|(fields, path)| place(fields, path, form.findings));
    let country = match &location {
        Edit::Set(location) => Some(location.country.clone()),
        _ => country.map(str::to_owned),
    };
    let change = Change {
        handle: form.required("handle").map(|text| form.findings.take(handle::read(&text, "handle"))),
        first_name: form.required("firstName").map(|text| names::read(&text, "firstName", form.findings)),
        last_name: form.required("lastName").map(|text| names::read(&text, "lastName", form.findings)),
        email: form.required("email").map(|text| form.findings.take(email::read(&text, "email"))),
        phone: form.text("phone").map(|text| form.findings.take(phone::read(&text, country.as_deref(), "phone"))),
        headline: form.text("headline").map(|text| text::clean(&text, "headline", HEADLINE, form.findings)),
        bio: form.text("bio").map(|text| text::clean(&text, "bio", BIO, form.findings)),
        skills: form.list("skills", skills::MOST).map(|entries| Some(skills(entries, form.findings))),
        links: form.list("links", links::MOST).map(|entries| Some(links(entries, form.findings))),
        location,
        availability: form.object("availability").map(|(fields, path)| available(fields, path, form.findings)),
        languages: form.list("languages", location::MOST_LANGUAGES).map(|tags| Some(languages(tags, form.findings))),
        remove_avatar: purpose == Purpose::Update && form.flag("removeAvatar"),
        remove_cv: purpose == Purpose::Update && form.flag("removeCv"),
    };
    form.nothing_else();
    change
}

/// Whether the input is of a size and depth worth reading: nothing else is told of one that is not.
fn fits(input: &Value, findings: &mut Findings) -> bool {
    if depth(input, DEEPEST + 1) > DEEPEST {
        findings.add_with(Code::InputTooDeep, "", "", DEEPEST);
    }
    if weight(input) > LARGEST {
        findings.add_with(Code::InputTooLarge, "", "", LARGEST);
    }
    findings.0.is_empty()
}

/// How deep values nest, counted no further than `most`.
fn depth(value: &Value, most: usize) -> usize {
    let Some(below) = most.checked_sub(1) else { return 0 };
    match value {
        Value::Array(entries) => 1 + entries.iter().map(|entry| depth(entry, below)).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(|entry| depth(entry, below)).max().unwrap_or(0),
        _ => 0,
    }
}

/// Bytes of a value of bounded depth, about as JSON writes it.
fn weight(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() + 2,
        Value::Array(entries) => entries.iter().map(|entry| weight(entry) + 1).sum::<usize>() + 2,
        Value::Object(fields) => fields.iter().map(|(name, entry)| name.len() + weight(entry) + 4).sum::<usize>() + 2,
        _ => 5,
    }
}

/// A value as a message about its type shows it.
fn brief(value: &Value) -> String {
    match value {
        Value::Array(_) => "[…]".to_owned(),
        Value::Object(_) => "{…}".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The fields of one object, read by name; what nobody asked for is a mistake.
struct Form<'a, 'f> {
    fields: &'a Map<String, Value>,
    path: String,
    known: Vec<&'static str>,
    findings: &'f mut Findings,
}

impl<'a> Form<'a, '_> {
    fn at(&self, field: &str) -> String {
        if self.path.is_empty() { field.to_owned() } else { format!("{}.{field}", self.path) }
    }

    fn get(&mut self, field: &'static str) -> Option<&'a Value> {
        self.known.push(field);
        self.fields.get(field)
    }

    fn wrong(&mut self, field: &str, value: &Value, wanted: &str) {
        let path = self.at(field);
        self.findings.add_with(Code::WrongType, &path, &brief(value), wanted);
    }

    /// A field of this type; null clears it.
    fn edit<T>(&mut self, field: &'static str, wanted: &str, of: impl FnOnce(&'a Value) -> Option<T>) -> Edit<T> {
        match self.get(field) {
            None => Edit::Leave,
            Some(Value::Null) => Edit::Clear,
            Some(value) => of(value).map_or_else(
                || {
                    self.wrong(field, value, wanted);
                    Edit::Clear
                },
                Edit::Set,
            ),
        }
    }

    /// Text that may be cleared; blank text clears too.
    fn text(&mut self, field: &'static str) -> Edit<String> {
        match self.edit(field, "string", |value| value.as_str().map(str::to_owned)) {
            Edit::Set(text) if text.trim().is_empty() => Edit::Clear,
            edit => edit,
        }
    }

    /// Text that no profile goes without.
    fn required(&mut self, field: &'static str) -> Edit<String> {
        let null = self.fields.get(field).is_some_and(Value::is_null);
        let edit = self.edit(field, "string", |value| value.as_str().map(str::to_owned));
        if null {
            let path = self.at(field);
            self.findings.add(Code::Required, &path, "");
        }
        edit
    }

    fn object(&mut self, field: &'static str) -> Edit<(&'a Map<String, Value>, String)> {
        let path = self.at(field);
        self.edit(field, "object", Value::as_object).map(|fields| Some((fields, path)))
    }

    fn list(&mut self, field: &'static str, most: usize) -> Edit<&'a [Value]> {
        let path = self.at(field);
        let edit = self.edit(field, "list", |value| value.as_array().map(Vec::as_slice));
        edit.map(|entries| {
            if entries.len() > most {
                self.findings.add_with(Code::TooMany, &path, "", most);
                return None;
            }
            Some(entries)
        })
    }

    fn flag(&mut self, field: &'static str) -> bool {
        matches!(self.edit(field, "boolean", Value::as_bool), Edit::Set(true))
    }

    /// One of the names of `choices`, if it is given.
    fn choice<T: Copy>(&mut self, field: &'static str, choices: &[T], name: impl Fn(T) -> &'static str) -> Option<T> {
        let Edit::Set(written) = self.edit(field, "enum", Value::as_str) else { return None };
        let chosen = choices.iter().copied().find(|choice| name(*choice) == written);
        if chosen.is_none() {
            let all: Vec<&str> = choices.iter().map(|choice| name(*choice)).collect();
            let path = self.at(field);
            self.findings.add_with(Code::NotOneOf, &path, written, all.join(", "));
        }
        chosen
    }

    /// Notes that a field is missing, unless something is there that was judged.
    fn need(&mut self, field: &'static str) {
        if self.fields.get(field).is_none_or(Value::is_null) {
            let path = self.at(field);
            self.findings.add(Code::Required, &path, "");
        }
    }

    fn nothing_else(self) {
        // A name is a member's own text like any other, so the path bears it shortened; some are enough to see the rest.
        let unknown = self.fields.keys().filter(|field| !self.known.contains(&field.as_str())).take(20);
        for field in unknown {
            let path = self.at(&field.chars().filter(|c| text::is_visible(*c)).take(40).collect::<String>());
            self.findings.add(Code::UnknownField, &path, field);
        }
    }
}

/// The entries of a list that are objects, each as a form.
fn each<'a>(
    entries: &'a [Value],
    list: &str,
    findings: &mut Findings,
    mut entry: impl FnMut(usize, &mut Form<'a, '_>),
) {
    for (at, value) in entries.iter().enumerate() {
        let path = format!("{list}[{at}]");
        let Value::Object(fields) = value else {
            findings.add_with(Code::WrongType, &path, &brief(value), "object");
            continue;
        };
        let mut form = Form { fields, path, known: Vec::new(), findings };
        entry(at, &mut form);
        form.nothing_else();
    }
}

fn skills(entries: &[Value], findings: &mut Findings) -> Vec<Skill> {
    let mut read = Vec::new();
    each(entries, "skills", findings, |at, form| {
        form.need("name");
        let path = form.at("name");
        let name = form.edit("name", "string", Value::as_str);
        let name = name.map(|name| text::clean(name, &path, Shape::line(1, skills::LONGEST), form.findings));
        let level = form.choice("level", &Level::ALL, Level::name);
        let years = form.edit("years", "integer", Value::as_i64).map(|years| {
            let told = u8::try_from(years).ok().filter(|_| years <= skills::YEARS);
            if told.is_none() {
                let path = format!("skills[{at}].years");
                form.findings.add_with(Code::OutOfRange, &path, &years.to_string(), format!("0-{}", skills::YEARS));
            }
            told
        });
        if let Edit::Set(name) = name {
            read.push((at, Skill { name, level, years: years.over(None) }));
        }
    });
    skills::once(read, "skills", findings)
}

fn links(entries: &[Value], findings: &mut Findings) -> Vec<Link> {
    let mut read: Vec<Link> = Vec::new();
    each(entries, "links", findings, |_, form| {
        form.need("kind");
        form.need("url");
        let kind = form.choice("kind", &LinkKind::ALL, LinkKind::name);
        let path = form.at("url");
        let Edit::Set(url) = form.edit("url", "string", Value::as_str) else { return };
        // The address is judged even where its kind is none: all mistakes at once.
        let url = form.findings.take(links::read(url, kind.unwrap_or(LinkKind::Website), &path));
        if let (Some(kind), Some(url)) = (kind, url) {
            let link = Link { kind, url };
            if !read.contains(&link) {
                read.push(link);
            }
        }
    });
    read
}

fn languages(entries: &[Value], findings: &mut Findings) -> Vec<String> {
    let mut read: Vec<String> = Vec::new();
    for (at, value) in entries.iter().enumerate() {
        let path = format!("languages[{at}]");
        let Value::String(tag) = value else {
            findings.add_with(Code::WrongType, &path, &brief(value), "string");
            continue;
        };
        if let Some(tag) = findings.take(location::language(tag, &path))
            && !read.contains(&tag)
        {
            read.push(tag);
        }
    }
    read
}

fn place(fields: &Map<String, Value>, path: String, findings: &mut Findings) -> Option<Location> {
    let mut form = Form { fields, path, known: Vec::new(), findings };
    form.need("country");
    let (town, land) = (form.at("city"), form.at("country"));
    let city = form.text("city");
    let city = city.map(|city| text::clean(&city, &town, Shape::line(0, location::LONGEST_CITY), form.findings));
    let country = form.edit("country", "string", Value::as_str);
    let country = country.map(|country| form.findings.take(location::country(country, &land))).over(None);
    form.nothing_else();
    Some(Location { city: city.over(None), country: country? })
}

fn available(fields: &Map<String, Value>, path: String, findings: &mut Findings) -> Option<Availability> {
    let mut form = Form { fields, path: path.clone(), known: Vec::new(), findings };
    form.need("status");
    let status = form.choice("status", &availability::Status::ALL, availability::Status::name);
    let from = form.edit("from", "date", Value::as_str).over(None);
    let read = status.and_then(|status| form.findings.take(availability::read(status, from, &path)));
    form.nothing_else();
    read
}
