//! The mutations of files: announce an upload, and confirm it after the transfer.

use serde_json::{Value, json};

use super::{Failure, Task, arguments::Arguments, writes::busy};
use crate::profile::{
    Profile,
    account::Accounts,
    change,
    directory::{Committed, Directory},
    notice::Event,
    upload::{self, Files, Kind, Prepare, Upload},
    violation::{Code, Violation},
};

const TRIES: usize = 8;

impl<D: Directory, F: Files, P: Prepare, A: Accounts> Task<'_, D, F, P, A> {
    pub(super) async fn request_upload(&self) -> Result<Value, Failure> {
        let sub = self.caller.sub().ok_or(Failure::Denied)?;
        self.allowed(Some(sub))?;
        let mut arguments = Arguments::new(&self.request.arguments);
        for name in ["kind", "contentType", "size", "sha256"] {
            arguments.need(name);
        }
        let kind = arguments.choice("kind", &Kind::ALL, Kind::name);
        let content_type = arguments.text("contentType").unwrap_or_default();
        let size = arguments.whole("size").unwrap_or_default();
        let sha256 = arguments.text("sha256").unwrap_or_default();
        arguments.end()?;
        let profile = self.desk.directory.by_owner(sub).await?.ok_or(Failure::NotFound)?;
        let random = (self.desk.random)();
        let told = (content_type, size, sha256);
        let upload = upload::announce(&profile.id, kind.unwrap_or(Kind::Avatar), told, &random, self.request.now)?;
        self.count(sub, |recent, now| recent.announce(&upload, now)).await?;
        self.desk.directory.expect_upload(&upload).await?;
        let target = self.desk.files.presign(&upload, self.request.now).await?;
        Ok(json!({ "id": upload.id, "url": target.url, "headers": target.headers, "expiresAt": upload.expires_at }))
    }

    pub(super) async fn confirm_upload(&self) -> Result<Value, Failure> {
        let sub = self.caller.sub().ok_or(Failure::Denied)?;
        self.allowed(Some(sub))?;
        let mut arguments = Arguments::new(&self.request.arguments);
        arguments.need("id");
        let id = arguments.text("id").unwrap_or_default();
        arguments.end()?;
        let profile = self.desk.directory.by_owner(sub).await?.ok_or(Failure::NotFound)?;
        let announced = self.desk.directory.upload(id).await?.filter(|upload| upload.profile == profile.id);
        let Some(upload) = announced else {
            return self.confirmed_before(sub, id, Code::UploadUnknown).await;
        };
        self.count(sub, |recent, now| recent.confirm(id, now)).await?;
        let Some(bytes) = self.desk.files.read(&upload.key(), upload.size).await? else {
            return self.confirmed_before(sub, id, Code::UploadMissing).await;
        };
        if let Err(violation) = upload::confirm(&upload, &bytes, self.request.now) {
            return self.refuse(&upload, violation).await;
        }
        let prepared = match self.desk.prepare.prepare(upload.kind, &upload.content_type, bytes) {
            Ok(prepared) => prepared,
            Err(code) => return self.refuse(&upload, Violation::new(code, "id", id).with("contentType")).await,
        };
        let file = upload::kept(&upload, &prepared);
        self.desk.files.keep(&file.key, &file.content_type, &prepared.bytes).await?;
        if let (Some(key), Some(thumbnail)) = (&file.thumbnail, &prepared.thumbnail) {
            self.desk.files.keep(key, &file.content_type, thumbnail).await?;
        }
        let mut current = profile;
        for _ in 0..TRIES {
            let updated = change::with_file(&current, upload.kind, &file, self.request.now)?;
            if updated.changes.is_empty() {
                // The same request came twice at once, and the other was faster.
                return self.present(&current).await;
            }
            let committed = self.commit(Event::Changed, Some(&current), &updated, Some(upload.id.clone())).await;
            if matches!(committed, Err(Failure::TooMany { .. })) {
                self.clear(&updated.profile, &current).await;
            }
            match committed? {
                Committed::Done => {
                    self.desk.files.remove(&upload.key()).await.unwrap_or_else(|failure| {
                        // It expires under uploads/ automatically.
                        tracing::warn!(%failure, "a confirmed upload is not removed yet");
                    });
                    self.clear(&current, &updated.profile).await;
                    return self.present(&updated.profile).await;
                }
                Committed::Moved(Some(moved)) => {
                    current = *moved;
                    if self.desk.directory.upload(id).await?.is_none() {
                        // Confirmed by another request, and perhaps replaced since.
                        self.clear(&updated.profile, &current).await;
                        return self.present(&current).await;
                    }
                }
                Committed::NoticeSent => {}
                Committed::Moved(None) | Committed::Taken(_) => {
                    // The profile was deleted meanwhile: nothing may stay behind.
                    let without = Profile { avatar: None, cv: None, ..updated.profile.clone() };
                    self.clear(&updated.profile, &without).await;
                    return Err(Failure::NotFound);
                }
            }
        }
        Err(busy())
    }

    /// The answer to a repetition, whose first answer was lost or is still on its way; `otherwise` if it is none.
    async fn confirmed_before(&self, sub: &str, id: &str, otherwise: Code) -> Result<Value, Failure> {
        let profile = self.desk.directory.by_owner(sub).await?.ok_or(Failure::NotFound)?;
        let mut kept = [&profile.avatar, &profile.cv].into_iter().flatten();
        if kept.any(|file| !id.is_empty() && file.key.rsplit('/').next() == Some(id)) {
            return self.present(&profile).await;
        }
        Err(Violation::new(otherwise, "id", id).into())
    }

    /// Deletes the file and its announcement.
    async fn refuse(&self, upload: &Upload, violation: Violation) -> Result<Value, Failure> {
        self.desk.files.remove(&upload.key()).await?;
        self.desk.directory.drop_upload(&upload.id).await?;
        Err(violation.into())
    }
}
