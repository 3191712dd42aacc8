//! Refunds and credit notes.

use serde_json::{Value, json};

use super::bill;
use super::form::Form;
use super::object::{id, list, number, set, text};
use super::payments;
use super::refusal::Refusal;
use super::standing;
use super::world::World;

/// `POST /v1/refunds`.
///
/// # Errors
/// Stripe's.
pub fn create(world: &mut World, form: &Form) -> Result<Value, Refusal> {
    form.only(&[
        "payment_intent",
        "charge",
        "amount",
        "reason",
        "metadata",
        "refund_application_fee",
        "reverse_transfer",
        "instructions_email",
    ])?;
    let charge = match (form.text("/charge"), form.text("/payment_intent")) {
        (Some(charge), _) => world.named(charge, "charge", "charge")?,
        (None, Some(intent)) => {
            let intent = world.named(intent, "payment_intent", "payment_intent")?;
            let charge = id(&intent, "/latest_charge").and_then(|charge| world.get(charge)).cloned();
            charge
                .ok_or_else(|| Refusal::state("", "This PaymentIntent does not have a successful charge to refund."))?
        }
        (None, None) => return Err(Refusal::missing("payment_intent")),
    };
    let amount = form.number("/amount")?;
    let metadata = form.metadata("/metadata", &json!({}));
    made(world, &charge, amount, form.text("/reason"), metadata)
}

/// `POST /v1/credit_notes`.
///
/// # Errors
/// Stripe's.
pub fn credit(world: &mut World, form: &Form) -> Result<Value, Refusal> {
    form.only(&[
        "invoice",
        "amount",
        "refund_amount",
        "out_of_band_amount",
        "credit_amount",
        "memo",
        "reason",
        "metadata",
        "lines",
        "email_type",
    ])?;
    let invoice = world.named(form.required("/invoice")?, "invoice", "invoice")?;
    let invoice_id = text(&invoice, "/id").to_owned();
    let paid = text(&invoice, "/status") == "paid";
    let owed = if paid { number(&invoice, "/amount_paid") } else { number(&invoice, "/amount_remaining") };
    let amount = form.number("/amount")?.or(form.number("/refund_amount")?).unwrap_or(owed);
    if !matches!(text(&invoice, "/status"), "open" | "paid") || amount < 1 || amount > owed {
        return Err(Refusal::parameter(
            "amount",
            "",
            format!("The sum of credit amounts must be between 1 and {owed}."),
        ));
    }
    let refund = match (form.number("/refund_amount")?, bill::payment_of(world, &invoice_id)) {
        (Some(part), Some((_, intent))) if paid => {
            let charge = world
                .get(&intent)
                .and_then(|intent| id(intent, "/latest_charge"))
                .and_then(|charge| world.get(charge))
                .cloned();
            let charge = charge.ok_or_else(|| Refusal::state("", "This invoice has no charge to refund."))?;
            Some(made(world, &charge, Some(part), None, json!({}))?)
        }
        _ => None,
    };
    let first = list(&invoice, "/lines/data").first().map(|line| text(line, "/id").to_owned());
    let made = json!({
        "amount": amount, "description": "Credit", "invoice_line_item": first, "quantity": 1, "type": "invoice_line_item",
        "unit_amount": amount, "unit_amount_decimal": amount.to_string(),
    });
    let line = world.new_object("credit_note_line_item", "cnli_", made);
    let refunds: Vec<Value> = refund.iter().map(|refund| json!({"amount_refunded": number(refund, "/amount"), "refund": text(refund, "/id"), "type": "refund", "payment_record_refund": null})).collect();
    let count = world.each("credit_notes").filter(|note| id(note, "/invoice") == Some(&invoice_id)).count() + 1;
    let fields = json!({
        "amount": amount, "subtotal": amount, "total": amount, "subtotal_excluding_tax": amount, "total_excluding_tax": amount,
        "currency": text(&invoice, "/currency"), "customer": text(&invoice, "/customer"), "invoice": invoice_id,
        "number": format!("{}-CN-{count:02}", text(&invoice, "/number")), "reason": form.text("/reason"), "memo": form.text("/memo"),
        "metadata": form.metadata("/metadata", &json!({})), "refunds": refunds, "status": "issued", "effective_at": world.now,
        "type": if paid { "post_payment" } else { "pre_payment" }, "total_taxes": [], "out_of_band_amount": form.number("/out_of_band_amount")?,
        "post_payment_amount": if paid { amount } else { 0 }, "pre_payment_amount": if paid { 0 } else { amount },
    });
    let mut note = world.new_object("credit_note", "cn_", fields);
    let note_id = text(&note, "/id").to_owned();
    set(&mut note, "pdf", format!("{}/credit_note/{note_id}.pdf", world.pages));
    set(
        &mut note,
        "lines",
        json!({"object": "list", "data": [line], "has_more": false, "url": format!("/v1/credit_notes/{note_id}/lines")}),
    );
    world.keep(&note, "credit_note.created");
    if paid {
        let credited = number(&invoice, "/post_payment_credit_notes_amount") + amount;
        world.update(&invoice_id, &json!({"post_payment_credit_notes_amount": credited}), "invoice.updated");
    } else {
        let credited = number(&invoice, "/pre_payment_credit_notes_amount") + amount;
        let left = number(&invoice, "/amount_due") - amount;
        let fields = json!({"pre_payment_credit_notes_amount": credited, "amount_due": left, "amount_remaining": left});
        world.update(&invoice_id, &fields, "invoice.updated");
        match bill::payment_of(world, &invoice_id) {
            Some((_, intent)) if left == 0 => {
                payments::cancel(world, &intent);
                super::collect::settled(world, &invoice_id, true);
            }
            Some((_, intent)) => drop(world.update(&intent, &json!({"amount": left}), "")),
            None => {}
        }
        let known = world.get(&invoice_id).cloned().unwrap_or_default();
        if left == 0 {
            standing::relieved(world, &known);
        }
    }
    Ok(note)
}

fn made(
    world: &mut World,
    charge: &Value,
    amount: Option<i64>,
    reason: Option<&str>,
    metadata: Value,
) -> Result<Value, Refusal> {
    let charge_id = text(charge, "/id").to_owned();
    let left = number(charge, "/amount") - number(charge, "/amount_refunded");
    if text(charge, "/status") != "succeeded" {
        return Err(Refusal::state("", format!("The charge {charge_id} has not succeeded.")));
    }
    if left == 0 {
        return Err(Refusal::state(
            "charge_already_refunded",
            format!("Charge {charge_id} has already been refunded."),
        ));
    }
    let amount = amount.unwrap_or(left);
    if amount < 1 || amount > left {
        let words = format!("Refund amount ({amount}) is greater than unrefunded amount on charge ({left})");
        return Err(Refusal::parameter("amount", "amount_too_large", words));
    }
    let fields = json!({
        "amount": amount, "currency": text(charge, "/currency"), "charge": charge_id, "customer": id(charge, "/customer"),
        "payment_intent": id(charge, "/payment_intent"), "payment_method": id(charge, "/payment_method"), "reason": reason,
        "metadata": metadata, "status": "succeeded",
    });
    let refund = world.new_object("refund", "re_", fields);
    let refund_id = text(&refund, "/id").to_owned();
    let transaction = payments::transaction(world, "refund", &refund_id, -amount, text(charge, "/currency"));
    world.keep(&refund, "");
    let refund = world.update(&refund_id, &json!({"balance_transaction": text(&transaction, "/id")}), "");
    world.keep(&refund, "refund.created");
    let refunded = number(charge, "/amount_refunded") + amount;
    let fields = json!({"amount_refunded": refunded, "refunded": refunded == number(charge, "/amount")});
    let charge = world.update(&charge_id, &fields, "");
    world.emit("charge.refunded", &charge, &serde_json::Map::new());
    Ok(refund)
}
