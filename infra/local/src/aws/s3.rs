//! Objects: putting the placeholder code, and reading the archive.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Method, StatusCode};
use sha2::{Digest, Sha256};

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

/// An object with what S3 keeps beside its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its content type.
    pub content_type: String,
    /// Its metadata, by name.
    pub metadata: BTreeMap<String, String>,
}

/// The prefix of the headers of metadata.
const METADATA: &str = "x-amz-meta-";

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
        Ok(self.stored(bucket, key).await?.map(|stored| (stored.bytes, stored.content_type)))
    }

    /// The same with the object's metadata.
    ///
    /// # Errors
    /// As [`Aws::json`].
    pub async fn stored(&self, bucket: &str, key: &str) -> anyhow::Result<Option<Stored>> {
        let request = self.request(Method::GET, &object_path(bucket, key)?, "s3");
        let answer = request.send().await.context("the stand-in for AWS does not answer")?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let answer = answer.error_for_status().with_context(|| format!("reading {key} from the archive"))?;
        let headers = answer.headers();
        let kind = headers.get("content-type").and_then(|kind| kind.to_str().ok());
        let content_type = kind.unwrap_or("application/octet-stream").to_owned();
        let metadata = headers.iter().filter_map(|(name, value)| {
            Some((name.as_str().strip_prefix(METADATA)?.to_owned(), value.to_str().ok()?.to_owned()))
        });
        let metadata = metadata.collect();
        Ok(Some(Stored {
            bytes: answer.bytes().await.context("the answer broke off")?.to_vec(),
            content_type,
            metadata,
        }))
    }

    /// Writes an object that is not there yet; returns whether it was written, and not there.
    ///
    /// # Errors
    /// As [`Aws::json`].
    pub async fn put_new(&self, bucket: &str, key: &str, stored: Stored) -> anyhow::Result<bool> {
        let mut request = self
            .request(Method::PUT, &object_path(bucket, key)?, "s3")
            .header("if-none-match", "*")
            .header("content-type", stored.content_type)
            // A bucket with locks takes no object without a checksum.
            .header("x-amz-checksum-sha256", STANDARD.encode(Sha256::digest(&stored.bytes)));
        for (name, value) in stored.metadata {
            request = request.header(format!("{METADATA}{name}"), value);
        }
        let answer = request.body(stored.bytes).send().await;
        if answer.as_ref().is_ok_and(|answer| answer.status() == StatusCode::PRECONDITION_FAILED) {
            return Ok(false);
        }
        read(answer, key).await.map(|_| true)
    }

    /// Every object of a bucket, by key.
    ///
    /// # Errors
    /// As [`Aws::json`].
    pub async fn objects(&self, bucket: &str) -> anyhow::Result<Vec<Object>> {
        let (mut objects, mut next) = (Vec::new(), None);
        loop {
            let page = self.object_page(bucket, next.as_deref()).await?;
            objects.extend(page.0);
            next = page.1;
            if next.is_none() {
                return Ok(objects);
            }
        }
    }

    /// A page of a bucket's objects, by key, and where the next page begins.
    ///
    /// # Errors
    /// As [`Aws::json`].
    pub async fn object_page(&self, bucket: &str, from: Option<&str>) -> anyhow::Result<(Vec<Object>, Option<String>)> {
        let mut url = reqwest::Url::parse("http://path/").context("an internal address is wrong")?;
        url.query_pairs_mut().append_pair("list-type", "2");
        if let Some(from) = from {
            url.query_pairs_mut().append_pair("continuation-token", from);
        }
        let text = self.get_text(&format!("{bucket}?{}", url.query().unwrap_or_default())).await?;
        let document = xml::parse(&text)?;
        let object = |node| {
            let size = xml::child(node, "Size")?.parse().unwrap_or_default();
            Some(Object { key: xml::child(node, "Key")?, size, etag: xml::child(node, "ETag").unwrap_or_default() })
        };
        let objects = xml::all(&document, "Contents").filter_map(object).collect();
        let next = xml::all(&document, "NextContinuationToken").next().and_then(|node| node.text());
        Ok((objects, next.map(str::to_owned)))
    }
}

/// The path of an object, its key escaped.
fn object_path(bucket: &str, key: &str) -> anyhow::Result<String> {
    let mut url = reqwest::Url::parse("http://path/").context("an internal address is wrong")?;
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().push(bucket).extend(key.split('/'));
    }
    Ok(url.path().to_owned())
}
