//! Gathers queued notices into one digest, each of them in one digest only.

use jiff::Timestamp;

use super::{Message, TeamNews};
use crate::{
    archive::sha256,
    mail::{Content, DigestMail, Mail, MailId},
    outcome::ServiceError,
    seller::Seller,
};

/// The language that the team reads.
const LANGUAGE: &str = "fr";

/// Characters of a digest's name: 128 bits.
const NAME: usize = 32;

/// Notices that are sent together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// Idempotency key, derived from its notices: the same ones are never sent twice.
    pub name: String,
    /// Which.
    pub notices: Vec<MailId>,
}

impl Digest {
    /// The digest of these; `None` if empty.
    pub fn of(notices: impl IntoIterator<Item = MailId>) -> Option<Self> {
        let mut notices: Vec<MailId> = notices.into_iter().collect();
        notices.sort();
        notices.dedup();
        let ids: Vec<&str> = notices.iter().map(|id| id.0.as_str()).collect();
        let name = sha256(ids.join("\n").as_bytes()).chars().take(NAME).collect();
        (!notices.is_empty()).then_some(Self { name, notices })
    }

    fn said(&self, seller: &Seller) -> DigestMail {
        DigestMail {
            language: LANGUAGE.to_owned(),
            seller_name: seller.party.name.clone(),
            accent: seller.look.accent.clone(),
            notices: self.notices.clone(),
            lines: Vec::new(),
        }
    }

    /// Its mail, if the team has an address.
    fn mail(&self, seller: &Seller, now: Timestamp) -> Option<Mail> {
        Some(Mail {
            id: MailId(format!("team/{}", self.name)),
            to: Some(seller.mail.team.clone()?),
            from: seller.mail.from.clone(),
            from_name: seller.mail.from_name.clone(),
            reply_to: seller.mail.reply_to.clone(),
            content: Content::Digest(self.said(seller)),
            attachment: None,
            queued_at: now,
        })
    }

    fn message(&self, seller: &Seller, now: Timestamp) -> Message {
        Message { id: MailId(format!("slack/{}", self.name)), digest: self.said(seller), queued_at: now }
    }
}

/// The result of gathering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gathered {
    /// Notices sent now.
    pub told: usize,
    /// Notices that had been sent before, or no longer exist.
    pub settled: usize,
}

/// Sends the queued notices in one digest: by mail if the team has an address, and in its room if that is open. If
/// there is neither, nothing is sent, and nothing stays queued.
///
/// # Errors
/// A store does not answer; the step may be retried.
pub async fn gather(
    notices: Vec<MailId>,
    seller: &Seller,
    room_is_open: bool,
    news: &impl TeamNews,
    now: Timestamp,
) -> Result<Gathered, ServiceError> {
    let mut waiting = notices;
    let mut settled = 0;
    // Each round except the last finds at least one notice that is no longer queued.
    while let Some(digest) = Digest::of(waiting) {
        let mail = digest.mail(seller, now);
        let message = room_is_open.then(|| digest.message(seller, now));
        let gone = news.tell(&digest.notices, mail.as_ref(), message.as_ref(), now).await?;
        if gone.is_empty() {
            return Ok(Gathered { told: digest.notices.len(), settled });
        }
        settled += gone.len();
        waiting = digest.notices.into_iter().filter(|id| !gone.contains(id)).collect();
    }
    Ok(Gathered { told: 0, settled })
}

#[cfg(test)]
mod tests {
    use std::{
        collections::BTreeSet,
        sync::{Mutex, PoisonError},
    };

    use super::*;
    use crate::{team::TeamNotice, testing::FRANCHISE_TOML};

    /// The queued notices, and what was queued to send. The answers of `lose` steps that took effect are lost.
    #[derive(Default)]
    struct News(Mutex<Kept>);

    #[derive(Default)]
    struct Kept {
        waiting: BTreeSet<MailId>,
        mails: Vec<MailId>,
        messages: Vec<Vec<MailId>>,
        lose: usize,
    }

    impl TeamNews for News {
        async fn notices(&self, _: &[MailId]) -> Result<Vec<TeamNotice>, ServiceError> {
            Ok(Vec::new())
        }

        async fn tell(
            &self,
            notices: &[MailId],
            mail: Option<&Mail>,
            message: Option<&Message>,
            _: Timestamp,
        ) -> Result<Vec<MailId>, ServiceError> {
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let gone: Vec<MailId> = notices.iter().filter(|id| !kept.waiting.contains(id)).cloned().collect();
            if !gone.is_empty() {
                return Ok(gone);
            }
            kept.waiting.retain(|id| !notices.contains(id));
            kept.mails.extend(mail.map(|mail| mail.id.clone()));
            kept.messages.extend(message.map(|message| message.digest.notices.clone()));
            if kept.lose > 0 {
                kept.lose -= 1;
                return Err(ServiceError::transient("the outbox", "no answer"));
            }
            Ok(Vec::new())
        }
    }

    fn ids(range: std::ops::Range<u32>) -> Vec<MailId> {
        range.map(|n| MailId(format!("profile/p{n}/2/team"))).collect()
    }

    fn seller(team: &str) -> Seller {
        Seller::from_toml(&FRANCHISE_TOML.replace("[mail]", &format!("[mail]\n{team}"))).unwrap()
    }

    #[tokio::test]
    async fn each_notice_is_in_one_digest_whatever_comes_twice_or_is_lost() {
        let news = News::default();
        news.0.lock().unwrap().waiting.extend(ids(0..30));
        news.0.lock().unwrap().lose = 1;
        let seller = seller("team = \"team@example.org\"");
        let now = Timestamp::UNIX_EPOCH;
        assert!(gather(ids(0..10), &seller, true, &news, now).await.is_err(), "told, but the answer was lost");
        for batch in [ids(0..10), ids(5..20), ids(5..20), ids(19..30), Vec::new()] {
            gather(batch, &seller, true, &news, now).await.unwrap();
        }
        let kept = news.0.lock().unwrap();
        let told: Vec<&MailId> = kept.messages.iter().flatten().collect();
        assert_eq!((told.len(), told.iter().collect::<BTreeSet<_>>().len()), (30, 30));
        assert_eq!((kept.messages.len(), kept.mails.len()), (3, 3));
        assert!(kept.waiting.is_empty());
    }

    #[tokio::test]
    async fn nobody_to_tell_is_no_reason_to_wait() {
        let news = News::default();
        news.0.lock().unwrap().waiting.extend(ids(0..2));
        let told = gather(ids(0..3), &seller(""), false, &news, Timestamp::UNIX_EPOCH).await.unwrap();
        assert_eq!(told, Gathered { told: 2, settled: 1 });
        let kept = news.0.lock().unwrap();
        assert!(kept.mails.is_empty() && kept.messages.is_empty() && kept.waiting.is_empty());
    }

    #[test]
    fn a_digest_is_named_after_its_notices_in_whatever_order() {
        let mut turned = ids(0..3);
        turned.reverse();
        turned.push(ids(0..1).remove(0));
        assert_eq!(Digest::of(turned), Digest::of(ids(0..3)));
        assert_ne!(Digest::of(ids(0..2)).unwrap().name, Digest::of(ids(0..3)).unwrap().name);
        assert_eq!(Digest::of([]), None);
    }
}
