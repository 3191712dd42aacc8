//! A door for other programs: requests of an API Gateway HTTP API (payload format 2.0) with a JSON body, and JSON answers. What is
//! wrong with a request is said by its field.

use std::collections::{BTreeMap, HashMap};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Longest body that is read, in bytes.
const LONGEST_BODY: usize = 64 * 1024;

/// A request.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Request {
    /// The route of the template that matched: `GET /access`.
    pub route_key: String,
    /// Header names in lower case.
    pub headers: HashMap<String, String>,
    /// The query, decoded; several values of one name are joined by commas.
    pub query_string_parameters: BTreeMap<String, String>,
    /// The body, as text or in base64.
    pub body: Option<String>,
    /// Whether the body is base64.
    pub is_base64_encoded: bool,
}

impl Request {
    /// The token of an `Authorization: Bearer` header.
    pub fn bearer(&self) -> Option<&str> {
        let found = self.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("authorization"));
        let (scheme, token) = found?.1.trim().split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim()).filter(|token| !token.is_empty())
    }

    /// The fields of the body.
    ///
    /// # Errors
    /// It is too long, no JSON, or no object.
    pub fn fields(&self) -> Result<Fields, Refusal> {
        let body = self.body.as_deref().unwrap_or_default();
        let bytes =
            if self.is_base64_encoded { STANDARD.decode(body).unwrap_or_default() } else { body.as_bytes().to_vec() };
        if bytes.len() > LONGEST_BODY {
            return Err(Refusal::new(413, "body_too_large", "the body is longer than 64 KiB"));
        }
        match serde_json::from_slice(&bytes) {
            Ok(Value::Object(fields)) => Ok(Fields { fields, known: Vec::new() }),
            Ok(_) => Err(Refusal::new(422, "wrong_type", "the body is to be a JSON object")),
            Err(error) => {
                let text = format!("the body is no JSON: line {}, column {}", error.line(), error.column());
                Err(Refusal::new(400, "bad_json", text))
            }
        }
    }

    /// The fields of the query.
    pub fn query(&self) -> Fields {
        let fields = self.query_string_parameters.iter().map(|(name, value)| (name.clone(), json!(value)));
        Fields { fields: fields.collect(), known: Vec::new() }
    }
}

/// Why a request is not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The status.
    pub status: u16,
    /// A stable code.
    pub error: &'static str,
    /// What is wrong, and the fix.
    pub message: String,
    /// The field that is wrong.
    pub field: Option<String>,
    /// Further members.
    pub beside: Map<String, Value>,
}

impl Refusal {
    /// A refusal of the request as a whole.
    pub fn new(status: u16, error: &'static str, message: impl Into<String>) -> Self {
        Self { status, error, message: message.into(), field: None, beside: Map::new() }
    }

    /// A refusal of one field.
    pub fn of(field: &str, error: &'static str, message: impl Into<String>) -> Self {
        Self { field: Some(field.to_owned()), ..Self::new(422, error, message) }
    }

    /// With a further member.
    #[must_use]
    pub fn beside(mut self, name: &str, value: Value) -> Self {
        self.beside.insert(name.to_owned(), value);
        self
    }

    /// The answer to whoever has no key, or a wrong one: the same for every reason.
    pub fn unknown_caller() -> Self {
        Self::new(401, "unauthorized", "send the key as `Authorization: Bearer <key>`")
    }

    /// The answer.
    pub fn answer(self) -> Answer {
        let mut body = self.beside;
        body.insert("error".to_owned(), json!(self.error));
        body.insert("message".to_owned(), json!(self.message));
        if let Some(field) = self.field {
            body.insert("field".to_owned(), json!(field));
        }
        Answer::new(self.status, &Value::Object(body))
    }
}

/// The fields of a body or a query. Each is taken once; what nobody takes is unknown.
#[derive(Debug)]
pub struct Fields {
    fields: Map<String, Value>,
    known: Vec<&'static str>,
}

impl Fields {
    /// A text that may be absent; `null` counts as absent.
    ///
    /// # Errors
    /// It is no text.
    pub fn optional_text(&mut self, name: &'static str) -> Result<Option<String>, Refusal> {
        self.known.push(name);
        match self.fields.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Refusal::of(name, "wrong_type", format!("{name} is to be a text"))),
        }
    }

    /// A text.
    ///
    /// # Errors
    /// It is absent, empty, or no text.
    pub fn text(&mut self, name: &'static str) -> Result<String, Refusal> {
        let text = self.optional_text(name)?.ok_or_else(|| missing(name))?;
        if text.is_empty() { Err(Refusal::of(name, "empty", format!("{name} must not be empty"))) } else { Ok(text) }
    }

    /// An id: 1 to 255 letters, digits, `-` or `_`.
    ///
    /// # Errors
    /// It is absent, or has another form.
    pub fn id(&mut self, name: &'static str) -> Result<String, Refusal> {
        let id = self.text(name)?;
        let fits = id.len() <= 255 && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        if fits {
            Ok(id)
        } else {
            Err(Refusal::of(name, "bad_id", format!("{name} is to be 1 to 255 letters, digits, - or _")))
        }
    }

    /// A whole number of 1 or more.
    ///
    /// # Errors
    /// It is absent, no whole number, or less than 1.
    pub fn positive(&mut self, name: &'static str) -> Result<u64, Refusal> {
        self.known.push(name);
        let number = match self.fields.remove(name) {
            None | Some(Value::Null) => return Err(missing(name)),
            Some(Value::Number(number)) => number,
            Some(_) => return Err(Refusal::of(name, "wrong_type", format!("{name} is to be a whole number"))),
        };
        match number.as_u64() {
            Some(number) if number > 0 => Ok(number),
            _ => {
                Err(Refusal::of(name, "out_of_range", format!("{name} is {number}; write a whole number of 1 or more")))
            }
        }
    }

    /// Checks that nothing is left that nobody asked for.
    ///
    /// # Errors
    /// Names the first unknown field, and those that are known.
    pub fn end(self) -> Result<(), Refusal> {
        match self.fields.keys().next() {
            None => Ok(()),
            Some(unknown) => {
                let short: String = unknown.chars().filter(|c| !c.is_control()).take(80).collect();
                Err(Refusal::of(&short, "unknown_field", format!("the fields here are {}", self.known.join(", "))))
            }
        }
    }
}

fn missing(name: &str) -> Refusal {
    Refusal::of(name, "missing_field", format!("{name} is missing"))
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// The status.
    pub status_code: u16,
    /// Always JSON, which nobody keeps.
    pub headers: BTreeMap<&'static str, &'static str>,
    /// The body.
    pub body: String,
}

impl Answer {
    /// An answer of this status and value.
    pub fn new(status_code: u16, body: &Value) -> Self {
        let headers = [("content-type", "application/json"), ("cache-control", "no-store")];
        Self { status_code, headers: BTreeMap::from(headers), body: body.to_string() }
    }

    /// The answer where a service failed: the same request may be made again.
    pub fn failed() -> Self {
        Refusal::new(500, "unavailable", "the request was not carried out; make it again").answer()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(body: &str) -> Result<Fields, Refusal> {
        Request { body: Some(body.to_owned()), ..Request::default() }.fields()
    }

    fn refused<T>(result: Result<T, Refusal>) -> (u16, &'static str, Option<String>) {
        let refusal = result.err().unwrap();
        (refusal.status, refusal.error, refusal.field)
    }

    #[test]
    fn what_is_wrong_is_said_by_its_field() {
        for (body, expected) in [
            ("{", (400, "bad_json", None)),
            ("", (400, "bad_json", None)),
            ("[]", (422, "wrong_type", None)),
            ("{}", (422, "missing_field", Some("a"))),
            (r#"{"a":null}"#, (422, "missing_field", Some("a"))),
            (r#"{"a":""}"#, (422, "empty", Some("a"))),
            (r#"{"a":1}"#, (422, "wrong_type", Some("a"))),
            (r#"{"a":"x"}"#, (422, "missing_field", Some("n"))),
            (r#"{"a":"x","n":"1"}"#, (422, "wrong_type", Some("n"))),
            (r#"{"a":"x","n":0}"#, (422, "out_of_range", Some("n"))),
            (r#"{"a":"x","n":1.5}"#, (422, "out_of_range", Some("n"))),
            (r#"{"a":"x","n":-1}"#, (422, "out_of_range", Some("n"))),
            (r#"{"a":"x","n":1,"b":2}"#, (422, "unknown_field", Some("b"))),
        ] {
            let all = || {
                let mut fields = fields(body)?;
                fields.text("a")?;
                fields.positive("n")?;
                fields.end()
            };
            let (status, error, field) = refused(all());
            assert_eq!((status, error, field.as_deref()), expected, "{body}");
        }
        assert_eq!(refused(fields(&format!("\"{}\"", "x".repeat(70_000)))).0, 413);
    }

    #[test]
    fn ids_have_no_other_characters() {
        for bad in ["a b", "a/b", "é", &"x".repeat(256)] {
            assert_eq!(refused(fields(&json!({"id": bad}).to_string()).unwrap().id("id")).1, "bad_id", "{bad}");
        }
        assert_eq!(fields(r#"{"id":"a-B_1"}"#).unwrap().id("id").unwrap(), "a-B_1");
    }

    #[test]
    fn a_key_is_read_from_its_header_alone() {
        let bearer = |value: &str| {
            let headers = HashMap::from([("authorization".to_owned(), value.to_owned())]);
            Request { headers, ..Request::default() }.bearer().map(str::to_owned)
        };
        assert_eq!(bearer("Bearer  abc ").as_deref(), Some("abc"));
        assert_eq!(bearer("bearer abc").as_deref(), Some("abc"));
        for none in ["abc", "Basic abc", "Bearer ", "Bearer", ""] {
            assert_eq!(bearer(none), None, "{none}");
        }
    }
}
