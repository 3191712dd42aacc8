//! Parses client input: a `Draft` of a profile, or a `Change` to one. Reports all violations at once, with their paths.
//!
//! Shapes are checked here and in `form`, values by each field's rule. AppSync checks types first; nothing here relies
//! on that, since events also come from consoles and tests, and the schema may be older than the function.

use serde_json::{Map, Value};

use super::{
    availability::{self, Availability},
    email,
    form::{Edit, Form, brief, each, fits},
    handle,
    links::{self, Link, LinkKind},
    location::{self, Location},
    names, phone,
    skills::{self, Level, Skill},
    text::{self, Shape},
    violation::{Code, Findings, Violation},
};

const HEADLINE: Shape = Shape::line(0, 120);
const BIO: Shape = Shape { least: 0, most: 4000, lines: true };

/// The change of each field, valid by construction.
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
    /// Removes the picture; only an upload sets one.
    pub remove_avatar: bool,
    /// Removes the CV; only an upload sets one.
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
    /// A deliverable address.
    pub email: String,
    /// All fields, including these, as a change of a blank profile.
    pub rest: Change,
}

/// Parses the input of `createProfile`.
///
/// # Errors
/// Every violation in it.
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

/// Parses the input of `updateProfile`. A number without a country code belongs to the new location's country, or to
/// `country`, the profile's current one.
///
/// # Errors
/// Every violation in it.
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
    let mut form = Form::new(fields, String::new(), findings);
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
        // The URL is validated even if its kind is invalid: all violations at once.
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
    let mut form = Form::new(fields, path, findings);
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
    let mut form = Form::new(fields, path.clone(), findings);
    form.need("status");
    let status = form.choice("status", &availability::Status::ALL, availability::Status::name);
    let from = form.edit("from", "date", Value::as_str).over(None);
    let read = status.and_then(|status| form.findings.take(availability::read(status, from, &path)));
    form.nothing_else();
    read
}
