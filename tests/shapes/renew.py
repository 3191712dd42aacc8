#!/usr/bin/env python3
"""Writes stripe.json: the fields of Stripe's objects and the parameters of its paths that this project may read and ask; and
stand_in.json: the fields that an object of the newest version has, for the stand-in for Stripe.

Stripe's OpenAPI description is not in a registry; npm's `stripe` is generated from it and names its version. Two versions are
read, because events come in the version of the owner's account: the newest, and the last one before 2025-03-31.basil.

    python3 tests/shapes/renew.py        # needs npm
"""

import json, pathlib, re, subprocess, tarfile, tempfile

VERSIONS = {"23.1.0": "esm/resources", "17.7.0": "types"}

# Rust structure in shared/src/stripe/object -> the interfaces of `stripe` whose fields it reads.
OBJECTS = {
    "Event": ["EventBase"],
    "EventData": ["EventBase.Data", "Event.Data"],
    "Session": ["Session"],
    "Collected": ["Session.CollectedInformation"],
    "Shipping": ["Session.CollectedInformation.ShippingDetails", "Invoice.ShippingDetails", "Session.ShippingDetails"],
    "TotalDetails": ["Session.TotalDetails"],
    "InvoiceCreation": ["Session.InvoiceCreation"],
    "ShippingCost": ["Session.ShippingCost", "Invoice.ShippingCost"],
    "CustomerDetails": ["Session.CustomerDetails"],
    "Address": ["Address"],
    "TaxId": ["Session.CustomerDetails.TaxId", "Invoice.CustomerTaxId"],
    "SessionField": ["Session.CustomField"],
    "FieldLabel": ["Session.CustomField.Label"],
    "FieldValue": ["Session.CustomField.Text", "Session.CustomField.Numeric", "Session.CustomField.Dropdown"],
    "ManagedPayments": ["Session.ManagedPayments", "Subscription.ManagedPayments", "PaymentIntent.ManagedPayments"],
    "AutomaticTax": ["Session.AutomaticTax", "Invoice.AutomaticTax"],
    "AccountReference": ["Session.AutomaticTax.Liability", "Invoice.AutomaticTax.Liability", "Invoice.Issuer"],
    "StripeInvoice": ["Invoice"],
    "InvoiceField": ["Invoice.CustomField"],
    "InvoiceParent": ["Invoice.Parent"],
    "SubscriptionDetails": ["Invoice.Parent.SubscriptionDetails"],
    "StatusTransitions": ["Invoice.StatusTransitions"],
    "InvoicePayment": ["InvoicePayment"],
    "PaymentReference": ["InvoicePayment.Payment"],
    "TaxAmount": ["InvoiceLineItem.Tax", "InvoiceLineItem.TaxAmount", "Invoice.TotalTax"],
    "RateDetails": ["InvoiceLineItem.Tax.TaxRateDetails"],
    "InvoiceLine": ["InvoiceLineItem"],
    "LinePeriod": ["InvoiceLineItem.Period"],
    "DiscountAmount": ["InvoiceLineItem.DiscountAmount"],
    "PretaxCredit": ["InvoiceLineItem.PretaxCreditAmount"],
    "ItemTax": ["LineItem.Tax"],
    "LineItem": ["LineItem"],
    "TaxRate": ["TaxRate"],
    "Subscription": ["Subscription"],
    "StripeCustomer": ["Customer"],
    "PaymentMethod": ["PaymentMethod"],
    "BillingDetails": ["PaymentMethod.BillingDetails", "Charge.BillingDetails"],
    "Intent": ["PaymentIntent"],
    "MethodOptions": ["PaymentIntent.PaymentMethodOptions.Card"],
    "PaymentIntent": ["PaymentIntent"],
    "SettledCharge": ["Charge"],
    "Charge": ["Charge"],
    "BalanceTransaction": ["BalanceTransaction"],
    "StripeRefund": ["Refund"],
    "CreditNote": ["CreditNote"],
    "CreditRefund": ["CreditNote.Refund"],
    "CreditLine": ["CreditNoteLineItem"],
    "Dispute": ["Dispute"],
    "List": ["ApiList"],
}

# Object of the stand-in -> file and interface of `stripe`.
STAND_IN = {
    "balance_transaction": "BalanceTransactions.BalanceTransaction",
    "billing_portal.session": "BillingPortal/Sessions.Session",
    "charge": "Charges.Charge",
    "checkout.session": "Checkout/Sessions.Session",
    "coupon": "Coupons.Coupon",
    "credit_note": "CreditNotes.CreditNote",
    "credit_note_line_item": "CreditNoteLineItems.CreditNoteLineItem",
    "customer": "Customers.Customer",
    "event": "Events.EventBase",
    "invoice": "Invoices.Invoice",
    "invoice_payment": "InvoicePayments.InvoicePayment",
    "item": "LineItems.LineItem",
    "line_item": "InvoiceLineItems.InvoiceLineItem",
    "payment_intent": "PaymentIntents.PaymentIntent",
    "payment_method": "PaymentMethods.PaymentMethod",
    "plan": "Plans.Plan",
    "price": "Prices.Price",
    "product": "Products.Product",
    "refund": "Refunds.Refund",
    "subscription": "Subscriptions.Subscription",
    "subscription_item": "SubscriptionItems.SubscriptionItem",
    "tax_rate": "TaxRates.TaxRate",
}

# Path that is asked -> the interface of its parameters.
QUESTIONS = {
    "/v1/checkout/sessions": "SessionListParams",
    "/v1/checkout/sessions/{id}": "SessionRetrieveParams",
    "/v1/checkout/sessions/{id}/line_items": "SessionListLineItemsParams",
    "/v1/invoices/{id}": "InvoiceRetrieveParams",
    "/v1/invoices/{id}/lines": "InvoiceListLineItemsParams",
    "/v1/invoice_payments": "InvoicePaymentListParams",
    "/v1/tax_rates/{id}": "TaxRateRetrieveParams",
    "/v1/refunds": "RefundListParams",
    "/v1/credit_notes": "CreditNoteListParams",
    "/v1/credit_notes/{id}/lines": "CreditNoteListLineItemsParams",
    "/v1/subscriptions/{id}": "SubscriptionRetrieveParams",
    "/v1/customers/{id}": "CustomerRetrieveParams",
    "/v1/payment_intents/{id}": "PaymentIntentRetrieveParams",
    "/v1/payment_methods/{id}": "PaymentMethodRetrieveParams",
    "/v1/events": "EventListParams",
    "/v1/refunds/{id}": "RefundRetrieveParams",
    "/v1/credit_notes/{id}": "CreditNoteRetrieveParams",
}


def unpacked(version, folder):
    subprocess.run(["npm", "pack", f"stripe@{version}", "--silent"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    with tarfile.open(folder / f"stripe-{version}.tgz") as archive:
        archive.extractall(folder / version, filter="data")
    return folder / version / "package"


def interfaces(text, found, bases, within):
    """Fields by the dotted name of their interface, and what each interface extends."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    stack = []  # (name or None, is an interface)
    for line in text.splitlines():
        line = line.strip()
        opened = re.match(r"(?:export )?(?:declare )?(namespace|module|interface) ([\w.'\"]+)(?:<[^>]*>)?(?: extends ([\w.<>, ]+))? \{", line)
        if opened:
            kind, name, base = opened.groups()
            name = name.strip("'\"")
            stack.append(([] if name in ("stripe", "Stripe", "Checkout") else [name], kind == "interface"))
            path = ".".join(within + [part for names, _ in stack for part in names])
            if kind == "interface":
                found.setdefault(path, {})
                bases.setdefault(path, base)
            if line.endswith("}"):
                stack.pop()
            continue
        if stack and stack[-1][1]:
            field = re.match(r"(?:readonly )?['\"]?([\w]+)['\"]?\??: ([^;]*)", line)
            if field:
                path = ".".join(within + [part for names, _ in stack for part in names])
                found[path][field.group(1)] = field.group(2)
        depth = line.count("{") - line.count("}")
        for _ in range(max(depth, 0)):
            stack.append(([], False))
        for _ in range(max(-depth, 0)):
            if stack:
                stack.pop()


def fields(text, interface):
    """The fields of an exported interface: those that every object has, and those that some have."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    body = text[re.search(rf"export interface {interface} (?:extends [^{{]*)?\{{", text).end():]
    known, depth = {"required": [], "optional": []}, 1
    for line in body.splitlines():
        field = re.match(r"\s*(?:readonly )?(\w+)(\??): ", line)
        if field and depth == 1 and field.group(1) != "deleted":
            known["optional" if field.group(2) else "required"].append(field.group(1))
        depth += line.count("{") - line.count("}")
        if depth < 1:
            break
    return {need: sorted(names) for need, names in known.items()}


def paths(text, found):
    for path in re.findall(r"_makeRequest\('GET', ['`](/v1/[^'`]*)['`]", text):
        found.add(re.sub(r"\$\{[^}]*\}", "{id}", path))


def main():
    here = pathlib.Path(__file__).parent
    result = {"source": {}, "objects": {name: [] for name in OBJECTS}, "questions": {}}
    with tempfile.TemporaryDirectory() as folder:
        for version, types in VERSIONS.items():
            package = unpacked(version, pathlib.Path(folder))
            found, bases, asked = {}, {}, set()
            for file in sorted(package.glob(f"{types}/**/*.d.ts")) + sorted(package.glob("esm/*.d.ts")):
                # A folder is a namespace: Checkout's sessions are meant, not those of the portal.
                folder_name = file.parent.name if file.parent.name not in ("resources", "types", "esm", "Checkout") else ""
                interfaces(file.read_text(), found, bases, [folder_name] if folder_name else [])
            for file in package.glob("esm/resources/**/*.js"):
                paths(file.read_text(), asked)
            api = re.search(r"'(\d{4}-[\w.-]+)'", (package / "esm/apiVersion.js").read_text()).group(1)
            openapi = package / "OPENAPI_VERSION"
            result["source"][f"npm stripe {version}"] = {"api": api, "openapi": openapi.read_text().strip() if openapi.exists() else None}
            if version == next(iter(VERSIONS)):
                whole = {}
                for name, place in STAND_IN.items():
                    file, interface = place.rsplit(".", 1)
                    whole[name] = fields((package / f"esm/resources/{file}.d.ts").read_text(), interface)
                stand_in = {"source": f"npm stripe {version}", "api": api, "objects": whole}
                (here / "stand_in.json").write_text(json.dumps(stand_in, indent=1) + "\n")
            for name, wanted in OBJECTS.items():
                known = set(result["objects"][name])
                for interface in wanted:
                    known |= found.get(interface, {}).keys()
                result["objects"][name] = sorted(known)
            for path, params in QUESTIONS.items():
                if version != next(iter(VERSIONS)):
                    continue
                if path not in asked:
                    raise SystemExit(f"stripe {version} asks no {path}")
                asked_for = dict(found.get(params) or next((known for at, known in found.items() if at.endswith("." + params)), {}))
                base = bases.get(params) or next((base for at, base in bases.items() if at.endswith("." + params)), None)
                names = {"limit", "starting_after", "ending_before"} if base and "PaginationParams" in base else set()
                for field in asked_for:
                    nested = [known for at, known in found.items() if at.endswith(f"{params}.{field[0].upper()}{field[1:]}")]
                    names |= {f"{field}[{key}]" for known in nested for key in known} or {field}
                result["questions"][path] = sorted(names)
    empty = [name for name, fields in result["objects"].items() if not fields]
    if empty:
        raise SystemExit(f"no fields of {empty}")
    (here / "stripe.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
