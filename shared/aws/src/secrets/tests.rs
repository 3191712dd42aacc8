//! How long a secret works that was removed, over real connections to a fake of the secret store.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use aws_credential_types::Credentials;
use comptoir::outcome::ServiceError;

use super::*;
use crate::settings;

/// A store that answers the first request with one value, and the later ones with another, or not at all.
struct Store {
    url: String,
    asked: Arc<AtomicUsize>,
}

impl Store {
    fn open(first: &'static str, then: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = asked.clone();
        thread::spawn(move || {
            for caller in listener.incoming() {
                let value = if counted.fetch_add(1, Ordering::SeqCst) == 0 { Some(first) } else { then };
                answer(&caller.unwrap(), value);
            }
        });
        Self { url, asked }
    }

    fn secrets(&self, ages: Ages) -> SecretStore {
        let mut settings = settings("eu-west-3", Credentials::new("key", "secret", None, None, "test"));
        settings.set_endpoint_url(Some(self.url.clone()));
        let mut store = SecretStore::new(Client::new(&settings.build()), "/comptoir");
        store.parameters.ages = ages;
        store
    }
}

fn answer(mut caller: &TcpStream, value: Option<&str>) {
    let mut reader = BufReader::new(caller);
    let (mut line, mut length) = (String::new(), 0);
    while reader.read_line(&mut line).unwrap() > 2 {
        if let Some((name, told)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = told.trim().parse().unwrap();
        }
        line.clear();
    }
    reader.read_exact(&mut vec![0; length]).unwrap();
    let (status, body) = match value {
        Some(value) => {
            ("200 OK", format!(r#"{{"Parameters":[{{"Name":"/comptoir/stripe-webhook-secrets","Value":"{value}"}}]}}"#))
        }
        None => ("400 Bad Request", r#"{"__type":"AccessDeniedException"}"#.to_owned()),
    };
    let length = body.len();
    let head = "content-type: application/x-amz-json-1.1\r\nconnection: close";
    write!(caller, "HTTP/1.1 {status}\r\n{head}\r\ncontent-length: {length}\r\n\r\n{body}").unwrap();
}

const SHORT: Ages = Ages { kept: Duration::from_millis(300), patience: Duration::from_millis(100) };

async fn webhook(store: &SecretStore) -> Result<Vec<String>, ServiceError> {
    store.current().await.map(|secrets| secrets.webhook)
}

#[tokio::test]
async fn a_removed_secret_is_forgotten_although_nobody_forges() {
    let fake = Store::open("whsec_leaked whsec_new", Some("whsec_new"));
    let store = fake.secrets(SHORT);
    assert_eq!(webhook(&store).await.unwrap(), ["whsec_leaked", "whsec_new"]);
    assert_eq!((webhook(&store).await.unwrap().len(), fake.asked.load(Ordering::SeqCst)), (2, 1), "it is cached");
    tokio::time::sleep(SHORT.kept).await;
    assert_eq!(webhook(&store).await.unwrap(), ["whsec_new"]);
}

/// What SECURITY.md and infra/OPERATIONS.md say.
#[test]
fn a_secret_is_kept_for_a_minute() {
    assert_eq!((AGES.kept, AGES.patience), (Duration::from_mins(1), Duration::from_secs(20)));
}

#[tokio::test]
async fn cached_secrets_serve_while_the_store_is_down() {
    let fake = Store::open("whsec_one", None);
    let store = fake.secrets(SHORT);
    for _ in 0..2 {
        assert_eq!(webhook(&store).await.unwrap(), ["whsec_one"]);
        tokio::time::sleep(SHORT.kept).await;
    }
}
