//! SES's responses over real connections: what each means for the mail, and that a dead connection loses no mail.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use aws_credential_types::Credentials;

use super::*;
use crate::settings;
use comptoir::mail::MailId;

/// What the fake SES does with one request.
#[derive(Debug, Clone, Copy)]
enum Does {
    /// Sends this response and keeps the connection open.
    Answer(u16, &'static str, &'static str),
    /// Accepts the mail and answers with its id.
    Take,
    /// Reads the request and closes the connection.
    Close,
    /// Reads the request and does not answer.
    Silence,
}

/// A fake SES, scripted by connection and by request on it. Counts the mails accepted.
struct Ses {
    url: String,
    taken: Arc<Mutex<usize>>,
}

impl Ses {
    fn open(does: fn(usize, usize) -> Does) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let taken = Arc::new(Mutex::new(0));
        let counted = taken.clone();
        thread::spawn(move || {
            for (connection, caller) in listener.incoming().enumerate() {
                let counted = counted.clone();
                thread::spawn(move || serve(&mut caller.unwrap(), &counted, |request| does(connection, request)));
            }
        });
        Self { url, taken }
    }

    fn taken(&self) -> usize {
        *self.taken.lock().unwrap()
    }
}

/// Reads one request; nothing if the caller closed the connection.
fn heard(caller: &mut TcpStream) -> Option<()> {
    let mut read = Vec::new();
    let mut part = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&read).to_ascii_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
            let length: usize = length.map_or(0, |length| length.trim().parse().unwrap());
            if body.len() >= length {
                return Some(());
            }
        }
        match caller.read(&mut part) {
            Ok(0) | Err(_) => return None,
            Ok(count) => read.extend_from_slice(&part[..count]),
        }
    }
}

fn serve(caller: &mut TcpStream, taken: &Mutex<usize>, does: impl Fn(usize) -> Does) {
    for request in 0.. {
        if heard(caller).is_none() {
            return;
        }
        match does(request) {
            Does::Answer(status, code, body) => answer(caller, status, code, body),
            Does::Take => {
                *taken.lock().unwrap() += 1;
                answer(caller, 200, "", "{\"MessageId\":\"m\"}");
            }
            Does::Close => return caller.shutdown(Shutdown::Both).unwrap(),
            Does::Silence => {}
        }
    }
}

fn answer(caller: &mut TcpStream, status: u16, code: &str, body: &str) {
    let head = format!(
        "HTTP/1.1 {status} Something\r\nx-amzn-errortype: {code}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    caller.write_all((head + body).as_bytes()).unwrap();
}

fn office(url: &str) -> SesTransport {
    let mut settings = settings("eu-west-3", Credentials::new("key", "secret", None, None, "test"));
    settings.set_endpoint_url(Some(url.to_owned()));
    SesTransport::with_patience(&settings.build(), "comptoir-test".to_owned(), Duration::from_secs(3))
}

async fn post(office: &SesTransport) -> SendResult {
    let letter = OutgoingEmail {
        id: MailId("invoice/2026-11-0042".to_owned()),
        from: "\"Atelier\" <a@example.org>".to_owned(),
        to: "zoe@example.org".to_owned(),
        reply_to: None,
        subject: "Facture".to_owned(),
        html: "<p>Facture</p>".to_owned(),
        text: "Facture".to_owned(),
        enclosure: None,
    };
    office.post(&letter).await
}

/// The name of a verdict, with its reason if it has one.
fn word(posted: &SendResult) -> String {
    match posted {
        SendResult::Accepted(id) => format!("accepted {id}"),
        SendResult::Transient(_) => "not now".to_owned(),
        SendResult::Permanent(reason) => format!("refused {}", reason.code),
        SendResult::Ambiguous(_) => "unclear".to_owned(),
    }
}

async fn after(does: fn(usize, usize) -> Does) -> String {
    let ses = Ses::open(does);
    word(&post(&office(&ses.url)).await)
}

macro_rules! answers {
    ($($status:literal $code:literal $body:literal => $expected:literal,)*) => {
        [$((
            concat!(stringify!($status), " ", $code, " ", $body),
            after(|_, _| Does::Answer($status, $code, $body)).await,
            $expected,
        )),*]
    };
}

#[tokio::test]
async fn each_answer_of_ses_says_whether_the_mail_was_taken() {
    let told = answers! {
        200 "" "{\"MessageId\":\"m\"}" => "accepted m",
        // Accepted, but the response cannot be read.
        200 "" "<html>" => "unclear",
        // Not processed.
        429 "TooManyRequestsException" "{}" => "not now",
        429 "" "" => "not now",
        400 "ThrottlingException" "{}" => "not now",
        400 "LimitExceededException" "{}" => "not now",
        503 "Throttling" "{}" => "not now",
        503 "SlowDown" "{}" => "not now",
        403 "ExpiredTokenException" "{}" => "not now",
        400 "RequestExpired" "{}" => "not now",
        408 "RequestTimeout" "{}" => "not now",
        400 "MessageRejected" r#"{"message":"Daily message quota exceeded."}"# => "not now",
        454 "Throttled" r#"{"message":"Throttling failure: Maximum sending rate exceeded."}"# => "not now",
        // Rejected for good.
        400 "BadRequestException" "{}" => "refused mail_refused",
        400 "MessageRejected" "{}" => "refused mail_refused",
        400 "MailFromDomainNotVerifiedException" "{}" => "refused mail_refused",
        403 "AccessDeniedException" "{}" => "refused mail_refused",
        403 "SignatureDoesNotMatch" "{}" => "refused mail_refused",
        404 "NotFoundException" "{}" => "refused mail_refused",
        403 "SomethingNew" "{}" => "refused mail_refused",
        413 "" "" => "refused mail_refused",
        // Possibly accepted.
        500 "InternalFailure" "{}" => "unclear",
        500 "InternalServiceErrorException" "{}" => "unclear",
        503 "ServiceUnavailable" "{}" => "unclear",
        502 "" "<html>" => "unclear",
        504 "" "<html>" => "unclear",
        599 "SomethingNew" "{}" => "unclear",
    };
    for (answer, verdict, expected) in told {
        assert_eq!(verdict, expected, "{answer}");
    }
}

#[tokio::test]
async fn without_an_answer_it_matters_whether_the_request_was_heard() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_eq!(word(&post(&office(&format!("http://{nobody}"))).await), "not now");
    // A server that accepts the connection and never speaks TLS: nothing of the mail was sent.
    let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", deaf.local_addr().unwrap());
    assert_eq!(word(&post(&office(&url)).await), "not now");
    assert_eq!(after(|_, _| Does::Close).await, "unclear");
    assert_eq!(after(|_, _| Does::Silence).await, "unclear");
}

/// SES as seen by a function frozen between two mails: a connection's first request is answered, the next is not.
async fn two_mails(dead: fn(usize, usize) -> Does) {
    let ses = Ses::open(dead);
    let office = office(&ses.url);
    for mail in 1..=2 {
        assert_eq!(word(&post(&office).await), "accepted m", "mail {mail}");
        // The time for which an idle connection would be kept for the next mail.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(ses.taken(), 2, "each mail once");
}

#[tokio::test]
async fn a_connection_that_is_reset_between_two_mails_costs_none() {
    two_mails(|_, request| if request == 0 { Does::Take } else { Does::Close }).await;
}

#[tokio::test]
async fn a_connection_that_falls_silent_between_two_mails_costs_none() {
    two_mails(|_, request| if request == 0 { Does::Take } else { Does::Silence }).await;
}
