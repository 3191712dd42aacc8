//! Every call to Stripe is one that it publishes (`tests/shapes`, from npm's `stripe`) and that the key permits.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    sync::mpsc,
    thread,
};

use comptoir::{
    reconcile::Look,
    stripe::{
        budget::ReadLimits,
        classify,
        listed::WantedSessions,
        wanted::{EVENTS, RIGHTS},
    },
};
use serde::Deserialize;

use super::*;
use crate::gate::Asking;

const SHAPES: &str = include_str!("../../../../tests/shapes/stripe.json");

#[derive(Deserialize)]
struct Shapes {
    questions: BTreeMap<String, Vec<String>>,
}

/// A fake Stripe that knows no object and records its requests.
fn listening() -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (heard, asked) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let Some(Ok(first)) = lines.next() else { continue };
            while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            let answer = "HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
            stream.write_all(answer.as_bytes()).unwrap();
            if heard.send(first).is_err() {
                return;
            }
        }
    });
    (url, asked)
}

#[tokio::test]
async fn every_question_is_published_and_allowed() {
    let (url, asked) = listening();
    let https = Https::default();
    // The secret store is never read: no key is rejected.
    let ssm = aws_sdk_ssm::Config::builder().behavior_version(aws_sdk_ssm::config::BehaviorVersion::latest()).build();
    let store = SecretStore::new(aws_sdk_ssm::Client::from_conf(ssm), "/comptoir/test");
    let asking = Asking::new(ReadLimits { per_second: 1000, burst: 1000 });
    let until = Instant::now() + Duration::from_secs(60);
    let reached = Stripe { url: Some(&url), https: &https, until, patience: Duration::from_secs(3) };
    let mut stripe = StripeApi::new(Some("rk_test_1".to_owned()), &store, reached, Gate::within_budget(&asking));
    assert!(stripe.can_ask());
    assert!(stripe.session("ID").await.unwrap().is_none());
    for of in [SessionsOf::Intent("ID"), SessionsOf::Subscription("ID"), SessionsOf::Customer("ID")] {
        assert!(stripe.sessions(of).await.unwrap().is_none());
    }
    assert!(stripe.session_lines("ID").await.unwrap().is_none());
    assert!(stripe.invoice("ID").await.unwrap().is_none());
    assert!(stripe.invoice_lines("ID").await.unwrap().is_none());
    assert!(stripe.invoice_payments("ID").await.unwrap().is_none());
    assert!(stripe.invoices_paid_by("ID").await.unwrap().is_none());
    assert!(stripe.tax_rate("ID").await.unwrap().is_none());
    assert!(stripe.refunds_of("ID").await.unwrap().is_none());
    assert!(stripe.credit_notes_of("ID").await.unwrap().is_none());
    assert!(stripe.credit_note_lines("ID").await.unwrap().is_none());
    assert!(stripe.subscription("ID").await.unwrap().is_none());
    assert!(stripe.customer("ID").await.unwrap().is_none());
    assert!(stripe.payment_intent("ID").await.unwrap().is_none());
    assert!(stripe.payment_method("ID").await.unwrap().is_none());
    assert!(stripe.settlement("ID").await.unwrap().is_none());
    let mut wanted = WantedSessions::default();
    for id in 1..4 {
        let session = format!(
            r#"{{"id":"evt_1","type":"checkout.session.completed","data":{{"object":{{"id":"cs_{id}","created":1}}}}}}"#
        );
        wanted.add(&classify::read(session.as_bytes()).unwrap());
    }
    stripe.list_sessions(wanted).await.unwrap();
    let look = Look { since: 1, until: 2, undelivered: true };
    assert!(stripe.events(&look, Some("ID"), &EVENTS.map(|event| event.kind)).await.unwrap().is_none());
    for event in EVENTS {
        assert!(stripe.object_of(event.kind, "ID").await.unwrap().is_none());
        assert!(stripe.object_of(event.kind, "../balance").await.unwrap().is_none(), "no other path");
    }

    for hostile in ["cs_1?expand[]=customer", "../../customers", "cs_1&limit=1", "cs_1#", "", "cs%5F1"] {
        let refused = stripe.session(hostile).await.unwrap_err();
        assert!(refused.is_permanent() && !refused.to_string().contains("cs_1"), "{refused}");
        assert!(stripe.refunds_of(hostile).await.is_err(), "{hostile}");
    }

    let shapes: Shapes = serde_json::from_str(SHAPES).unwrap();
    let (mut paths, mut rights) = (BTreeSet::new(), BTreeSet::new());
    while let Ok(line) = asked.try_recv() {
        let target = line.strip_prefix("GET ").and_then(|rest| rest.split(' ').next()).unwrap();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let path = path.replace("/ID", "/{id}");
        let known = shapes.questions.get(&path).unwrap_or_else(|| panic!("Stripe publishes no GET {path}"));
        for (name, _) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            let name = name.replace("%5B%5D", "").replace("%5B", "[").replace("%5D", "]");
            let range = name.strip_suffix("[gte]").or_else(|| name.strip_suffix("[lte]")).unwrap_or(&name);
            assert!(known.iter().any(|known| known == range), "Stripe publishes no parameter {name} of {path}");
        }
        let right = RIGHTS.iter().find(|right| path.split('/').nth(2) == Some(right.path));
        rights.insert(right.unwrap_or_else(|| panic!("no right opens {path}")).path);
        paths.insert(path);
    }
    assert!(paths.into_iter().eq(shapes.questions.into_keys()), "what is published is what is asked");
    assert_eq!(rights.len(), RIGHTS.len(), "a right that nothing needs");
}
