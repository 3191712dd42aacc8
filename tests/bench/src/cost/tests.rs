//! The exact AWS usage of one sale and one credit note: a change that adds a write, a read, a request or a mail
//! fails here, and is either reverted or recorded with its reason. The same for resources with a standing price.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

use std::fmt::Write;

use crate::cost::{bill::Bill, idle, prices::Prices, scenes};
use anyhow::{Result, ensure};
use comptoir_local::Functions;

/// Function, operation, calls, write units, halves of a read unit, and the reason.
type Line = (&'static str, &'static str, u64, u64, u64, &'static str);

/// A sale of three lines with warm functions. Writes count twice in a transaction; those of an index too, which AWS does
/// not say. The mark of open work is six writes to an index, eleven units so counted.
const SALE: [Line; 9] = [
    (
        "payment-webhook",
        "TransactWriteItems",
        1,
        10,
        0,
        "event (2), payment (1.2 KB: 4, open: 2), intent that paid it (2), at once",
    ),
    (
        "invoice-renderer",
        "GetItem",
        3,
        0,
        6,
        "the settings, the payment as it is now, and the counter: the next number",
    ),
    (
        "invoice-renderer",
        "TransactWriteItems",
        2,
        28,
        0,
        "counter (2), invoice (2.7 KB: 6, open: 2), payment (4, settled: 2); document (6, settled: 2), mail (2, open: 2)",
    ),
    ("invoice-renderer", "PutObject", 2, 0, 0, "PDF and snapshot; If-None-Match makes a look before it needless"),
    ("mail-sender", "UpdateItem", 2, 3, 0, "claim (1) and sent (1, settled: 1): no mail twice"),
    ("mail-sender", "GetObject", 1, 0, 0, "the PDF, from where it cannot change"),
    ("mail-sender", "SendEmail", 1, 0, 0, "the mail"),
    ("mail-events", "UpdateItem", 2, 3, 0, "what SES tells: sent (1), and delivered (just above 1 KB: 2)"),
    ("all", "invocations", 5, 0, 0, "one each, and two of mail-events"),
];

/// A credit note for a part of it.
const CREDIT_NOTE: [Line; 12] = [
    ("payment-webhook", "GetItem", 1, 0, 2, "whose money goes back: the intent"),
    ("payment-webhook", "TransactWriteItems", 1, 6, 0, "the refund (2, open: 2), and a pointer below its sale (2)"),
    (
        "invoice-renderer",
        "GetItem",
        9,
        0,
        18,
        "the settings, the refund twice, sale, its invoice, the counter; three counters more for the first number of a series",
    ),
    (
        "invoice-renderer",
        "TransactWriteItems",
        2,
        34,
        0,
        "counter (2), credit note (6, open: 2), refund (2, settled: 2), invoice (6), for the first number of a series \
         that the books are not closed (2); document (6, settled: 2), mail (2, open: 2)",
    ),
    ("invoice-renderer", "ListObjectsV2", 4, 0, 0, "once in a process for each series, three more where it begins"),
    ("invoice-renderer", "PutObject", 2, 0, 0, "PDF and snapshot"),
    ("mail-sender", "UpdateItem", 2, 3, 0, "claim (1) and sent (1, settled: 1)"),
    ("mail-sender", "GetObject", 1, 0, 0, "the PDF"),
    ("mail-sender", "SendEmail", 1, 0, 0, "the mail"),
    ("mail-events", "UpdateItem", 2, 2, 0, "sent and delivered"),
    ("all", "invocations", 5, 0, 0, "one each, and two of mail-events"),
    ("all", "mails", 1, 0, 0, "to the customer"),
];

/// What the same sale asks for where the seller's app is told of it.
const SALE_TOLD: [Line; 4] = [
    ("invoice-renderer", "TransactWriteItems", 2, 32, 0, "as before, and the message with the document (2, open: 2)"),
    ("notice-sender", "GetItem", 1, 0, 2, "the message as it is now: it is not sent again for another channel's sake"),
    ("notice-sender", "UpdateItem", 1, 2, 0, "delivered (1, settled: 1)"),
    ("all", "invocations", 6, 0, 0, "one more, of notice-sender"),
];

/// All differences, in words; secrets are read once per process and not per sale.
fn differences(bill: &Bill, expected: &[Line]) -> String {
    let mut told = String::new();
    let found = |function: &str, operation: &str| match (function, operation) {
        ("all", "invocations") => (bill.invocations(), 0, 0),
        ("all", "mails") => (bill.mails, 0, 0),
        _ => bill
            .calls
            .get(&(function.to_owned(), operation.to_owned()))
            .map_or((0, 0, 0), |tally| (tally.calls, tally.units.writes, tally.units.half_reads)),
    };
    for (function, operation, calls, writes, half_reads, why) in expected {
        let found = found(function, operation);
        if found != (*calls, *writes, *half_reads) {
            writeln!(
                told,
                "{function} {operation}: {calls} calls, {writes} write units and {half_reads} half read units were \
                 expected ({why}); there are {found:?}"
            )
            .unwrap();
        }
    }
    for ((function, operation), tally) in &bill.calls {
        let known = expected.iter().any(|line| (line.0, line.1) == (function, operation));
        if tally.unmetered > 0 || (!known && operation != "GetParameters") {
            writeln!(told, "{function} {operation}: {} calls that nobody expected", tally.calls).unwrap();
        }
    }
    if !told.is_empty() {
        for ((function, operation), tally) in &bill.calls {
            for touched in &tally.touched {
                let (kind, bytes, units) = (&touched.kind, touched.bytes, touched.units);
                writeln!(told, "  {function} {operation} {kind}: {bytes} bytes, {units:?}").unwrap();
            }
        }
    }
    told
}

/// As [`differences`], as an error.
fn holds(what: &str, bill: &Bill, expected: &[Line]) -> Result<()> {
    let told = differences(bill, expected);
    ensure!(
        told.is_empty(),
        "{what} asks something else of AWS than before. If it must, say so and why in tests/bench/src/cost/tests.rs, and run \
         `cargo cost` for the README.\n{told}"
    );
    Ok(())
}

#[tokio::test]
async fn a_sale_and_its_credit_note_ask_no_more_of_aws_than_is_written_down() -> Result<()> {
    let shop = scenes::open("cost", Functions::Build).await?;
    // The first sale of a shop creates its counter, and includes cold starts.
    scenes::sale(&shop).await?;
    shop.bundle.wire().unwrap().meter();
    let (sale, checkout) = scenes::sale(&shop).await?;
    holds("a sale", &sale, &SALE)?;
    ensure!(sale.mails == 1 && sale.units().writes == 44, "{} mails, {:?}", sale.mails, sale.units());
    let credit_note = scenes::refund(&shop, &checkout).await?;
    holds("a credit note", &credit_note, &CREDIT_NOTE)
}

#[tokio::test]
async fn telling_the_app_asks_no_more_of_aws_than_is_written_down() -> Result<()> {
    let shop = scenes::open_telling("cost-told").await?;
    scenes::told_sale(&shop).await?;
    shop.bundle.wire().unwrap().meter();
    let told = scenes::told_sale(&shop).await?;
    let changed = |line: &Line| SALE_TOLD.iter().any(|told| (told.0, told.1) == (line.0, line.1));
    let expected: Vec<Line> = SALE.into_iter().filter(|line| !changed(line)).chain(SALE_TOLD).collect();
    holds("a sale that is told", &told, &expected)?;
    shop.bundle.stop().await;
    Ok(())
}

#[test]
fn while_nothing_is_sold_a_stack_needs_no_more_than_an_account_has_free() -> Result<()> {
    let prices = Prices::read()?;
    let template = idle::read()?;
    for watched in [false, true] {
        for (id, quantity) in idle::standing(&template, watched)? {
            let price = prices.price(id)?;
            ensure!(
                price.beyond_free(quantity) < 0.005,
                "{quantity} {} cost {:.2} USD a month although nothing is sold: {} are free",
                price.what,
                price.beyond_free(quantity),
                price.free
            );
        }
    }
    Ok(())
}

#[test]
fn one_write_more_is_told() {
    let mut bill = Bill::default();
    for (function, operation, calls, writes, half_reads, _) in SALE {
        if function == "all" {
            let times = comptoir_local::lambda::pool::Times { invocations: calls, ..Default::default() };
            bill.work.entry("all".to_owned()).or_default().times = times;
            continue;
        }
        let tally = bill.calls.entry((function.to_owned(), operation.to_owned())).or_default();
        tally.calls = calls;
        tally.units.writes = writes;
        tally.units.half_reads = half_reads;
    }
    assert_eq!(differences(&bill, &SALE), "");
    let mail = ("mail-sender".to_owned(), "UpdateItem".to_owned());
    bill.calls.get_mut(&mail).unwrap().units.writes += 1;
    assert!(differences(&bill, &SALE).contains("mail-sender UpdateItem: 2 calls, 3 write units"));
    bill.calls.get_mut(&mail).unwrap().units.writes -= 1;
    bill.calls.insert(("mail-sender".to_owned(), "PutItem".to_owned()), Default::default());
    assert!(differences(&bill, &SALE).contains("mail-sender PutItem: 0 calls that nobody expected"));
}
