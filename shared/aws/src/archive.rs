//! The archive on S3: `If-None-Match: *` and a SHA-256 that S3 verifies, in a versioned bucket with Object Lock.

use std::{collections::HashMap, env, io, time::Duration};

use aws_sdk_s3::{
    Client,
    config::{self, timeout::TimeoutConfig},
    error::ProvideErrorMetadata,
    primitives::ByteStream,
    types::{ChecksumAlgorithm, ChecksumMode},
};
use base64::{Engine, engine::general_purpose::STANDARD};

use super::{
    s3_failure::{in_one_operation, trouble},
    spool::TemporaryFile,
};
use comptoir::{
    archive::{
        Archive, Document, File, conflict,
        spool::{LargeArchive, SpooledFile},
    },
    outcome::ServiceError,
    timing::{CONNECT_SECONDS, UPLOAD_SECONDS},
};

const WHAT: &str = "the archive";

/// The object's metadata that names the sale or refund: `x-amz-meta-sale`.
const SALE: &str = "sale";

/// Documents in a bucket.
#[derive(Debug, Clone)]
pub struct S3Archive {
    client: Client,
    bucket: String,
}

impl S3Archive {
    /// The archive in `bucket`.
    pub fn new(client: Client, bucket: String) -> Self {
        Self { client, bucket }
    }
}

impl Archive for S3Archive {
    async fn store(&self, file: &File) -> Result<Document, ServiceError> {
        let document = file.document();
        let put = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(&file.key)
            // The bucket policy denies writes without it.
            .if_none_match("*")
            .content_type(file.content_type)
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .checksum_sha256(checksum(&document))
            .set_metadata(file.sale.clone().map(|sale| HashMap::from([(SALE.to_owned(), sale)])))
            .body(ByteStream::from(file.bytes.clone()))
            .send()
            .await;
        match put {
            Ok(_) => Ok(document),
            Err(error) if error.code() == Some("PreconditionFailed") => {
                let stands = in_one_operation(WHAT, self.get(&file.key)).await?;
                let Stored { bytes, sale } =
                    stands.ok_or_else(|| ServiceError::transient(WHAT, "an object stands but cannot be read"))?;
                if sale != file.sale {
                    return Err(conflict(&file.key));
                }
                Ok(Document::of(&file.key, &bytes))
            }
            Err(error) => Err(trouble(WHAT, &error)),
        }
    }

    async fn read(&self, key: &str) -> Result<Option<Vec<u8>>, ServiceError> {
        let stored = in_one_operation(WHAT, self.get(key)).await?;
        Ok(stored.map(|stored| stored.bytes))
    }

    async fn look(&self, key: &str) -> Result<Option<Document>, ServiceError> {
        let head = self.client.head_object().bucket(&self.bucket).key(key).checksum_mode(ChecksumMode::Enabled);
        let head = match head.send().await {
            Ok(head) => head,
            Err(error) if error.as_service_error().is_some_and(|e| e.is_not_found()) => return Ok(None),
            Err(error) => return Err(trouble(WHAT, &error)),
        };
        let hash = head.checksum_sha256().and_then(|hash| STANDARD.decode(hash).ok()).map(hex::encode);
        let size = head.content_length().and_then(|size| u64::try_from(size).ok()).filter(|size| *size > 0);
        if let (Some(sha256), Some(size)) = (hash, size) {
            return Ok(Some(Document { key: key.to_owned(), sha256, size }));
        }
        // Stored without a hash by hand, or in a store that does not tell its size.
        let bytes = self.read(key).await?;
        Ok(bytes.map(|bytes| Document::of(key, &bytes)))
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<String>, ServiceError> {
        let list = self.client.list_objects_v2().bucket(&self.bucket).prefix(prefix);
        let list =
            list.set_start_after(after.map(str::to_owned)).max_keys(i32::try_from(limit.min(1000)).unwrap_or(1000));
        let listed = list.send().await.map_err(|error| trouble(WHAT, &error))?;
        Ok(listed.contents.unwrap_or_default().into_iter().filter_map(|object| object.key).collect())
    }
}

impl LargeArchive for S3Archive {
    type Spool = TemporaryFile;

    fn spool(&self) -> io::Result<TemporaryFile> {
        TemporaryFile::new(&env::temp_dir())
    }

    // One request: it takes up to 5 GB, and S3 verifies its hash before it keeps a byte. A body that is read from a file is not
    // sent again by the client; the export as a whole is.
    async fn store_spooled(&self, file: &SpooledFile<TemporaryFile>) -> Result<Document, ServiceError> {
        let unread = |error: String| ServiceError::transient(WHAT, format!("a spooled file cannot be read: {error}"));
        let source = file.spool.open().map_err(|error| unread(error.to_string()))?;
        let body = ByteStream::read_from().file(tokio::fs::File::from_std(source)).build().await;
        let limit = Duration::from_secs(UPLOAD_SECONDS);
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(CONNECT_SECONDS))
            .operation_attempt_timeout(limit)
            .operation_timeout(limit)
            .build();
        let put = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(&file.document.key)
            .if_none_match("*")
            .content_type(file.content_type)
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .checksum_sha256(checksum(&file.document))
            .body(body.map_err(|error| unread(error.to_string()))?)
            .customize()
            .config_override(config::Builder::new().timeout_config(timeouts))
            .send()
            .await;
        match put {
            Ok(_) => Ok(file.document.clone()),
            // Its hash is asked for: the file that stands may be as large.
            Err(error) if error.code() == Some("PreconditionFailed") => {
                let stands = self.look(&file.document.key).await?;
                stands.ok_or_else(|| ServiceError::transient(WHAT, "an object stands but cannot be read"))
            }
            Err(error) => Err(trouble(WHAT, &error)),
        }
    }
}

/// A document's hash as S3 takes it.
fn checksum(document: &Document) -> String {
    hex::decode(&document.sha256).map(|hash| STANDARD.encode(hash)).unwrap_or_default()
}

/// An object and the sale that it documents.
struct Stored {
    bytes: Vec<u8>,
    sale: Option<String>,
}

impl S3Archive {
    async fn get(&self, key: &str) -> Result<Option<Stored>, ServiceError> {
        let object = match self.client.get_object().bucket(&self.bucket).key(key).send().await {
            Ok(object) => object,
            Err(error) if error.as_service_error().is_some_and(|e| e.is_no_such_key()) => return Ok(None),
            Err(error) => return Err(trouble(WHAT, &error)),
        };
        let sale = object.metadata.and_then(|mut metadata| metadata.remove(SALE));
        let body = object.body.collect().await.map_err(|_| ServiceError::transient(WHAT, "the answer broke off"))?;
        Ok(Some(Stored { bytes: body.into_bytes().to_vec(), sale }))
    }
}
