//! A fault plan fails every call in turn, before and after it took effect; the client retries, the invariants hold.

use serde_json::json;

use super::*;
use crate::{
    profile::service::{ApiError, ErrorType, leave},
    testing::{
        files,
        profiles::{contract, together},
    },
};
use comptoir::memory::Fault;

#[tokio::test]
async fn the_directory_in_memory_keeps_to_the_contract() {
    let members = Members::default();
    contract(&members, "mem").await.unwrap();
    files::contract(&InMemoryFiles::default(), "mem").await.unwrap();
}

#[tokio::test]
async fn sixty_four_members_ask_for_one_handle() {
    let house = House::under(FaultPlan::default());
    let asking = (0..64).map(|n| {
        let mut input = input("zoe");
        input["input"]["email"] = json!(format!("m{n}@example.org"));
        let who = freelancer(&format!("sub{n}"));
        let house = &house;
        let work: std::pin::Pin<Box<dyn Future<Output = bool> + '_>> =
            Box::pin(async move { house.ask(&who, "createProfile", input).await.is_ok() });
        work
    });
    let won = together(asking.collect()).await.into_iter().filter(|won| *won).count();
    assert_eq!(won, 1);
}

#[tokio::test]
async fn whatever_call_fails_asking_again_does_it_once() {
    let run = async |faults: FaultPlan| {
        let house = House::under(faults);
        let zoe = freelancer("zoe");
        let made = house.insist(&zoe, "createProfile", input("zoe")).await.unwrap();
        assert_eq!(made["version"], json!(1));
        let change = json!({ "id": made["id"], "expectedVersion": 1, "input": { "handle": "zoe-l", "headline": "x" } });
        assert_eq!(house.insist(&zoe, "updateProfile", change).await.unwrap()["version"], json!(2));
        let told: Vec<String> = house.members.notices().into_iter().map(|notice| notice.id).collect();
        assert_eq!(told.len(), 4, "{told:?}");
        let png = b"\x89PNG\r\n\x1a\nrest";
        let announced = json!({ "kind": "AVATAR", "contentType": "image/png", "size": png.len(), "sha256": crate::profile::upload::checksum(png) });
        let asked = house.insist(&zoe, "requestUpload", announced).await.unwrap();
        house.shelf.put(asked["url"].as_str().unwrap().trim_start_matches("memory:"), png);
        let shown = house.insist(&zoe, "confirmUpload", json!({ "id": asked["id"] })).await.unwrap();
        assert_eq!(shown["version"], json!(3));
        let away = house.insist(&zoe, "deleteProfile", json!({ "id": made["id"] })).await;
        // On a retry after a lost response their profile is gone, and they learn nothing of others'.
        assert!(matches!(&away, Ok(_) | Err(ApiError { error_type: ErrorType::Denied, .. })), "{away:?}");
        while leave::sweep(&house.members, &house.shelf, &house.accounts, start() + leave::REMEMBERED).await != Ok(0) {}
        assert!(house.shelf.keys().is_empty(), "{:?}", house.shelf.keys());
        assert!(!house.members.everything().contains("zoe"), "{}", house.members.everything());
        assert_eq!(house.members.notices().len(), 6, "two of each: created, changed and pictured together, left");
        house.faults.calls()
    };
    let calls = run(FaultPlan::default()).await;
    assert!(calls > 12, "{calls} calls were counted");
    for call in 0..calls {
        run(FaultPlan::with(call, Fault::Before)).await;
        run(FaultPlan::with(call, Fault::After)).await;
    }
}
