//! Files of members on S3: signed URLs that accept exactly one announced file, or show a stored one for minutes; and
//! the bytes themselves.

use std::time::{Duration, SystemTime};

use aws_sdk_s3::{
    Client,
    presigning::{PresignedRequest, PresigningConfig},
    primitives::ByteStream,
    types::{Delete, ObjectIdentifier},
};
use jiff::{SignedDuration, Timestamp};

use comptoir::outcome::ServiceError;
use comptoir_aws::s3_failure::{in_one_operation, refusal, trouble};
use comptoir_members::profile::upload::{Files, Header, Kind, READABLE_FOR, Target, Upload};

const WHAT: &str = "the files";

/// Files in a bucket.
#[derive(Debug, Clone)]
pub struct S3Files {
    client: Client,
    bucket: String,
}

impl S3Files {
    /// The files in `bucket`.
    pub fn new(client: Client, bucket: String) -> Self {
        Self { client, bucket }
    }
}

/// Signatures are valid from `now` for this long, or for as long as the function's own credentials are.
fn lasting(now: Timestamp, long: SignedDuration) -> Result<PresigningConfig, ServiceError> {
    let long = Duration::try_from(long).unwrap_or(Duration::ZERO);
    let config = PresigningConfig::builder().start_time(SystemTime::from(now)).expires_in(long).build();
    config.map_err(|error| ServiceError::permanent(WHAT, "request_invalid", error.to_string()))
}

/// The headers that the signature binds, except the host, which every client sends anyway.
fn bound(request: &PresignedRequest) -> Vec<Header> {
    let headers = request.headers().filter(|(name, _)| !name.eq_ignore_ascii_case("host"));
    headers.map(|(name, value)| Header { name: name.to_owned(), value: value.to_owned() }).collect()
}

/// The status that S3 would return for this object alone: a batch response has only the code.
fn one_of_several(code: Option<&str>) -> u16 {
    if matches!(code, Some("InternalError" | "ServiceUnavailable") | None) { 500 } else { 400 }
}

impl S3Files {
    async fn get(&self, key: &str, largest: u64) -> Result<Option<Vec<u8>>, ServiceError> {
        // One byte above the limit, so that a file that is too long is detected.
        let range = format!("bytes=0-{largest}");
        let object = match self.client.get_object().bucket(&self.bucket).key(key).range(range).send().await {
            Ok(object) => object,
            Err(error) if error.as_service_error().is_some_and(|e| e.is_no_such_key()) => return Ok(None),
            Err(error) => {
                return match aws_sdk_s3::error::ProvideErrorMetadata::code(&error) {
                    // An empty object has no first byte.
                    Some("InvalidRange") => Ok(Some(Vec::new())),
                    _ => Err(trouble(WHAT, &error)),
                };
            }
        };
        let body = object.body.collect().await.map_err(|_| ServiceError::transient(WHAT, "the answer broke off"))?;
        let most = usize::try_from(largest).unwrap_or(usize::MAX).saturating_add(1);
        let mut bytes = body.into_bytes().to_vec();
        bytes.truncate(most);
        Ok(Some(bytes))
    }
}

impl Files for S3Files {
    async fn presign(&self, upload: &Upload, now: Timestamp) -> Result<Target, ServiceError> {
        // The signature binds all three: S3 rejects another type or size by it, and other bytes by their checksum.
        let put = self.client.put_object().bucket(&self.bucket).key(upload.key()).content_type(&upload.content_type);
        let put = put
            .content_length(i64::try_from(upload.size).unwrap_or(i64::MAX))
            .checksum_sha256(&upload.sha256)
            .presigned(lasting(now, upload.expires_at.duration_since(now))?)
            .await
            .map_err(|error| trouble(WHAT, &error))?;
        Ok(Target { url: put.uri().to_owned(), headers: bound(&put) })
    }

    async fn signed(&self, key: &str, kind: Kind, now: Timestamp) -> Result<String, ServiceError> {
        let get = self.client.get_object().bucket(&self.bucket).key(key);
        // A browser opens no document of a stranger beside the page, whatever type it was stored with.
        let get = match kind {
            Kind::Avatar => get,
            Kind::Cv => get
                .response_content_disposition("attachment; filename=\"cv.pdf\"")
                .response_content_type("application/pdf"),
        };
        let get = get.presigned(lasting(now, READABLE_FOR)?).await;
        get.map(|get| get.uri().to_owned()).map_err(|error| trouble(WHAT, &error))
    }

    async fn read(&self, key: &str, largest: u64) -> Result<Option<Vec<u8>>, ServiceError> {
        in_one_operation(WHAT, self.get(key, largest)).await
    }

    async fn keep(&self, key: &str, content_type: &str, bytes: &[u8]) -> Result<(), ServiceError> {
        let put = self.client.put_object().bucket(&self.bucket).key(key).content_type(content_type);
        let put = put.body(ByteStream::from(bytes.to_vec())).send().await;
        put.map(drop).map_err(|error| trouble(WHAT, &error))
    }

    async fn remove(&self, key: &str) -> Result<(), ServiceError> {
        let gone = self.client.delete_object().bucket(&self.bucket).key(key).send().await;
        gone.map(drop).map_err(|error| trouble(WHAT, &error))
    }

    async fn remove_all(&self, prefix: &str) -> Result<(), ServiceError> {
        loop {
            let listed = self.client.list_objects_v2().bucket(&self.bucket).prefix(prefix).send().await;
            let listed = listed.map_err(|error| trouble(WHAT, &error))?;
            let keys = listed.contents().iter().filter_map(|object| object.key());
            let goes: Result<Vec<_>, _> = keys.map(|key| ObjectIdentifier::builder().key(key).build()).collect();
            let goes = goes.map_err(|error| ServiceError::permanent(WHAT, "request_invalid", error.to_string()))?;
            if goes.is_empty() {
                return Ok(());
            }
            let delete = Delete::builder().set_objects(Some(goes)).quiet(true).build();
            let delete = delete.map_err(|error| ServiceError::permanent(WHAT, "request_invalid", error.to_string()))?;
            let gone = self.client.delete_objects().bucket(&self.bucket).delete(delete).send().await;
            let gone = gone.map_err(|error| trouble(WHAT, &error))?;
            // A rejection repeats: report it instead of retrying for ever.
            if let Some(refused) = gone.errors().first() {
                return Err(refusal(WHAT, refused.code(), one_of_several(refused.code())));
            }
        }
    }
}
