//! Objects: putting the placeholder code, and reading the archive.

use anyhow::{Context, bail};
use reqwest::Method;

use super::{Aws, read, xml};

/// One object of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its key.
    pub key: String,
    /// Its size in bytes.
    pub size: u64,
    /// Changes whenever the bytes do.
    pub etag: String,
}

impl Aws {
    /// Creates a bucket; that it exists already is fine.
    ///
    /// # Errors
    /// As [`Aws::json`].
    pub async fn create_bucket(&self, bucket: &str) -> anyhow::Result<()> {
        let place = format!(
            "<CreateBucketConfiguration><LocationConstraint>{}</LocationConstraint></CreateBucketConfiguration>",
            super::REGION
        );
        let answer = self
            .request(Method::PUT, &format!("/{bucket}"), "s3")
            .body(place)
            .send()
            .await
            .context("the stand-in for AWS does not answer")?;
        if answer.status().is_success() || answer.status() == reqwest::StatusCode::CONFLICT {
            return Ok(());
        }
        bail!("CreateBucket {bucket}: {}", answer.status())
    }

    /// Writes an object or, with a path such as `bucket?versioning`, a setting.
    ///
    /// # Errors
    /// As [`Aws::json`].
    pub async fn put(&self, path: &str, body: Vec<u8>) -> anyhow::Result<()> {
        read(self.request(Method::PUT, &format!("/{path}"), "s3").body(body).send().await, path).await.map(drop)
    }

    /// Reads a setting such as `bucket?versioning` as XML text.
    ///
    /// # Errors
    /// As [`Aws::json`].
    pub async fn get_text(&self, path: &str) -> anyhow::Result<String> {
        read(self.request(Method::GET, &format!("/{path}"), "s3").send().await, path).await
    }

    /// The bytes and content type of an object, or `None` when there is no such key.
    ///
    /// # Errors
    /// As [`Aws::json`].
    pub async fn object(&self, bucket: &str, key: &str) -> anyhow::Result<Option<(Vec<u8>, String)>> {
        let mut url = reqwest::Url::parse("http://path/").context("an internal address is wrong")?;
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push(bucket).extend(key.split('/'));
        }
        let answer =
            self.request(Method::GET, url.path(), "s3").send().await.context("the stand-in for AWS does not answer")?;
        if answer.status() == reqwest::StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let answer = answer.error_for_status().with_context(|| format!("reading {key} from the archive"))?;
        let kind = answer
            .headers()
            .get("content-type")
            .and_then(|kind| kind.to_str().ok())
            .unwrap_or("application/octet-stream")
            .to_owned();
        Ok(Some((answer.bytes().await.context("the answer broke off")?.to_vec(), kind)))
    }

    /// Every object of a bucket, by key.
    ///
    /// # Errors
    /// As [`Aws::json`].
    pub async fn objects(&self, bucket: &str) -> anyhow::Result<Vec<Object>> {
        let mut objects = Vec::new();
        let mut path = format!("{bucket}?list-type=2");
        loop {
            let text = self.get_text(&path).await?;
            let document = xml::parse(&text)?;
            for node in xml::all(&document, "Contents") {
                let (Some(key), Some(size)) = (xml::child(node, "Key"), xml::child(node, "Size")) else { continue };
                objects.push(Object {
                    key,
                    size: size.parse().unwrap_or_default(),
                    etag: xml::child(node, "ETag").unwrap_or_default(),
                });
            }
            let Some(next) = xml::all(&document, "NextContinuationToken").next().and_then(|node| node.text()) else {
                return Ok(objects);
            };
            let mut url = reqwest::Url::parse("http://path/").context("an internal address is wrong")?;
            url.query_pairs_mut().append_pair("list-type", "2").append_pair("continuation-token", next);
            path = format!("{bucket}?{}", url.query().unwrap_or_default());
        }
    }
}
