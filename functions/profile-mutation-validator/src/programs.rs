//! The programs that may call the API, from the function's environment: `reports:profile+searchProfiles sync:profile`.

use comptoir_members::profile::access::{Operation, Programs};

/// A malformed entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "environment variable PROGRAMS: `{0}` is not <role>:<operation>+<operation>; the parameter ProfilePrograms sets it"
)]
pub struct InvalidProgram(String);

/// The listed programs, by the name of the IAM role that each runs under.
///
/// # Errors
/// An entry has no role, or an unknown operation.
pub fn read(told: &str) -> Result<Programs, InvalidProgram> {
    let one = |told: &str| {
        let (role, operations) = told.split_once(':').filter(|(role, _)| !role.is_empty())?;
        let operations: Option<_> = operations.split('+').map(Operation::named).collect();
        Some((role.to_owned(), operations?))
    };
    told.split_whitespace().map(|told| one(told).ok_or_else(|| InvalidProgram(told.to_owned()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_told_by_role_and_operations() {
        let programs = read(" reports:profile+searchProfiles  sync:profile ").unwrap();
        assert_eq!(programs["reports"].len(), 2);
        assert_eq!(programs["sync"].iter().copied().collect::<Vec<_>>(), [Operation::Profile]);
        assert_eq!(read(""), Ok(Programs::new()));
        for wrong in ["reports", ":profile", "reports:", "reports:all", "reports:profile+"] {
            assert_eq!(read(wrong), Err(InvalidProgram(wrong.to_owned())));
        }
    }
}
