//! A consumer on the pages for everybody, with a browser's requests.

use anyhow::{Context, Result, ensure};
use comptoir_local::mail::Mail;
use reqwest::Url;

use crate::Shop;

impl Shop {
    /// Opens a page in French; status and HTML, and what the browser is told to allow.
    ///
    /// # Errors
    /// When the bundle does not answer.
    pub async fn look(&self, address: &str) -> Result<(u16, String, String)> {
        let url = if address.starts_with('/') { self.public(address) } else { address.to_owned() };
        let response = self.http.get(url).header("accept-language", "fr").send().await?;
        let policy = response.headers().get("content-security-policy").map(|value| value.to_str().map(str::to_owned));
        let status = response.status().as_u16();
        Ok((status, response.text().await?, policy.transpose()?.unwrap_or_default()))
    }

    /// Sends a form; status and HTML.
    ///
    /// # Errors
    /// When the bundle does not answer.
    pub async fn fill(&self, path: &str, form: &[(&str, &str)]) -> Result<(u16, String)> {
        let mut written = Url::parse("http://form/")?;
        written.query_pairs_mut().extend_pairs(form);
        let request = self.http.post(self.public(path)).header("content-type", "application/x-www-form-urlencoded");
        let request = request.header("accept-language", "fr").body(written.query().unwrap_or_default().to_owned());
        let response = request.send().await?;
        Ok((response.status().as_u16(), response.text().await?))
    }

    /// Declares on a page: fills the form in, checks it, and confirms; the page that says so.
    ///
    /// # Errors
    /// When a page does not come.
    pub async fn declares(&self, path: &str, email: &str, more: &[(&str, &str)]) -> Result<String> {
        let with = |step| [[("name", "Zoé Martin"), ("email", email), ("step", step)].as_slice(), more].concat();
        let (status, page) = self.fill(path, &with("check")).await?;
        ensure!(status == 200 && page.contains("value=\"confirm\""), "{status} {page}");
        let (status, page) = self.fill(path, &with("confirm")).await?;
        ensure!(status == 200, "{status} {page}");
        Ok(page)
    }

    /// The mails whose ids begin so, once there are so many; more are an error.
    ///
    /// # Errors
    /// When there never are.
    pub async fn mails_about(&self, prefix: &str, count: usize) -> Result<Vec<Mail>> {
        let found = self
            .wait_for(&format!("{count} mails {prefix}"), async |shop: &Self| {
                let mut all = shop.mails().await?;
                all.retain(|mail| mail.headers.get("X-Comptoir-Mail-Id").is_some_and(|id| id.starts_with(prefix)));
                Ok((all.len() >= count).then_some(all))
            })
            .await?;
        ensure!(found.len() == count, "{} mails {prefix}: {found:?}", found.len());
        Ok(found)
    }

    fn public(&self, path: &str) -> String {
        format!("{}{path}", self.bundle.endpoints.public_url)
    }
}

/// The address on a line of a mail's text that holds `path`.
///
/// # Errors
/// When there is none.
pub fn link_in<'a>(mail: &'a Mail, path: &str) -> Result<&'a str> {
    let line = mail.text.lines().map(str::trim).find(|line| line.contains(path));
    line.with_context(|| format!("no {path} in {}", mail.text))
}
