//! The accounts and journals used in the accountant's ledger, with the defaults of the French plan (PCG).
//!
//! Which account is used for what is decided in `accounting::journal`.

use super::{file::Accounting, problem::Findings};

/// The accounts for sales. Accounts are 3 to 20 letters or digits, of which the first three are digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accounts {
    /// What customers owe: 411000.
    pub customers: String,
    /// Services sold: 706000.
    pub services: String,
    /// Goods sold: 707000.
    pub goods: String,
    /// French VAT collected: 445710.
    pub vat: String,
    /// VAT of other member states, declared through the one-stop shop and not in the French return. The PCG has no
    /// account for it; 445780 is our choice.
    pub oss_vat: String,
    /// Non-EU taxes that Stripe charged: 447000, "autres impôts, taxes et versements assimilés".
    pub foreign_tax: String,
    /// Money that Stripe holds for the seller: 517000.
    pub bank: String,
    /// Code of the sales journal: VE.
    pub sales_journal: String,
    /// Code of the journal of Stripe's payments: ST. Not BQ: an importer would merge it with the journal of the bank.
    pub bank_journal: String,
}

pub(super) fn accounts(file: &Accounting, findings: &mut Findings) -> Accounts {
    Accounts {
        customers: account("customers", file.customers.as_deref(), "411000", findings),
        services: account("services", file.services.as_deref(), "706000", findings),
        goods: account("goods", file.goods.as_deref(), "707000", findings),
        vat: account("vat", file.vat.as_deref(), "445710", findings),
        oss_vat: account("oss_vat", file.oss_vat.as_deref(), "445780", findings),
        foreign_tax: account("foreign_tax", file.foreign_tax.as_deref(), "447000", findings),
        bank: account("bank", file.bank.as_deref(), "517000", findings),
        sales_journal: journal("sales_journal", file.sales_journal.as_deref(), "VE", findings),
        bank_journal: journal("bank_journal", file.bank_journal.as_deref(), "ST", findings),
    }
}

fn account(key: &str, given: Option<&str>, usual: &str, findings: &mut Findings) -> String {
    let value = given.unwrap_or(usual);
    // The first three must be digits of the PCG (LPF art. A47 A-1, VII, field 5).
    let holds = is_code(value, 3, 20) && value.bytes().take(3).all(|byte| byte.is_ascii_digit());
    let fix = format!("write an account of 3 to 20 letters and digits that begins with three digits, such as {usual}");
    findings.need(holds, &format!("accounting.{key}"), value, &fix);
    value.to_owned()
}

fn journal(key: &str, given: Option<&str>, usual: &str, findings: &mut Findings) -> String {
    let value = given.unwrap_or(usual);
    let fix = format!("write the code of a journal, 1 to 20 letters and digits, such as {usual}");
    findings.need(is_code(value, 1, 20), &format!("accounting.{key}"), value, &fix);
    value.to_owned()
}

fn is_code(value: &str, shortest: usize, longest: usize) -> bool {
    (shortest..=longest).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use crate::{seller::Seller, testing::STANDARD_TOML};

    #[test]
    fn accounts_are_those_of_the_plan_unless_the_owner_says_otherwise() {
        let usual = Seller::from_toml(STANDARD_TOML).unwrap().accounts;
        assert_eq!(
            (usual.customers.as_str(), usual.bank.as_str(), usual.sales_journal.as_str()),
            ("411000", "517000", "VE")
        );
        let own = format!("{STANDARD_TOML}\n[accounting]\nbank = \"5121STRIPE\"\nbank_journal = \"ST\"\n");
        let own = Seller::from_toml(&own).unwrap().accounts;
        assert_eq!((own.bank.as_str(), own.bank_journal.as_str(), own.vat.as_str()), ("5121STRIPE", "ST", "445710"));
    }

    #[test]
    fn an_account_that_is_none_is_refused() {
        for bad in ["41", "4A1000", "411 000", "411-1", "411000000000000000000", "", "=411000"] {
            let toml = format!("{STANDARD_TOML}\n[accounting]\ncustomers = \"{bad}\"\n");
            assert!(Seller::from_toml(&toml).is_err(), "{bad}");
        }
    }
}
