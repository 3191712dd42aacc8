//! The AWS stand-in as a child process: started, waited for, stopped and started again with its state.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use reqwest::StatusCode;
use tokio::net::TcpListener;
use tokio::process::{ChildStdin, Command};

use super::Options;
use crate::environment;
use crate::lock::cannot_write;
use crate::process::{self, Guarded};

/// How long it may take to answer; usually it needs about a second.
const PATIENCE: Duration = Duration::from_secs(60);

/// Starts the stand-in behind its guard, and watches the pipe we hold: it ends when this process ends, for whatever
/// reason.
const GUARD: &str = include_str!("guard.py");

/// What the guard lets pass.
const OPERATIONS: &str = include_str!("operations.txt");

/// The running stand-in.
#[derive(Debug)]
pub struct Ministack {
    program: PathBuf,
    dir: PathBuf,
    port: u16,
    key: String,
    also_at: String,
    post: String,
    child: Option<(Guarded, Option<ChildStdin>)>,
}

impl Ministack {
    /// Starts it on a free port, with its state below the bundle's folder; it answers who shows `key`, and hands the mails of the
    /// sign-in over at `post`.
    ///
    /// # Errors
    /// When it does not come up; the sentence names its log.
    pub async fn start(program: PathBuf, options: &Options, key: &str, post: String) -> anyhow::Result<Self> {
        let mut this = Self {
            program,
            dir: options.dir.join("aws"),
            port: free_port().await?,
            key: key.to_owned(),
            also_at: options.aws_also_at.join(" "),
            post,
            child: None,
        };
        this.resume().await?;
        Ok(this)
    }

    /// Where it answers.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Stops it; it saves its state first.
    pub async fn stop(&mut self) {
        if let Some((child, _pipe)) = self.child.take() {
            child.terminate(Duration::from_secs(20)).await;
        }
    }

    /// Starts it again on the same port with the state it had.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn resume(&mut self) -> anyhow::Result<()> {
        for folder in ["state", "s3", "tmp"] {
            let path = self.dir.join(folder);
            fs::create_dir_all(&path).with_context(|| cannot_write(&path))?;
        }
        let log = self.log();
        let out = fs::File::options().create(true).append(true).open(&log).with_context(|| cannot_write(&log))?;
        let err = out.try_clone().with_context(|| cannot_write(&log))?;
        let mut command = self.command();
        command.args(["-c", GUARD]).stdin(Stdio::piped()).stdout(out).stderr(err);
        let (child, pipe, _) = process::spawn_piped(&mut command)
            .context("the stand-in for AWS does not start; delete target/local and run the command again")?;
        self.wait_until_healthy(&child).await?;
        self.child = Some((child, pipe));
        Ok(())
    }

    fn log(&self) -> PathBuf {
        self.dir.join("ministack.log")
    }

    /// A clean environment: a stray variable of the user's shell could make it call the real AWS.
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.env_clear().current_dir(&self.dir);
        command
            .envs(environment::inherited())
            .env("COMPTOIR_KEY", &self.key)
            .env("COMPTOIR_PORT", self.port.to_string())
            .env("COMPTOIR_ALSO_AT", &self.also_at)
            .env("COMPTOIR_OPERATIONS", OPERATIONS)
            .env("GATEWAY_PORT", self.port.to_string())
            .env("BIND_HOST", "127.0.0.1")
            .env("IOT_MTLS_ENABLED", "0")
            .env("SFTP_ENABLED", "0")
            // It would try to clean up containers of its own; there are none, and it must not touch Docker.
            .env("DOCKER_HOST", "unix:///nonexistent")
            .env("AWS_ENDPOINT_URL", self.endpoint())
            .env("AWS_EC2_METADATA_DISABLED", "true")
            // It verifies signed addresses of S3 by these.
            .env("AWS_ACCESS_KEY_ID", &self.key)
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_DEFAULT_REGION", crate::aws::REGION)
            .env("MINISTACK_REGION", crate::aws::REGION)
            .env("PERSIST_STATE", "1")
            .env("STATE_DIR", self.dir.join("state"))
            .env("S3_PERSIST", "1")
            .env("S3_DATA_DIR", self.dir.join("s3"))
            .env("TMPDIR", self.dir.join("tmp"))
            .env("SMTP_HOST", &self.post)
            .env("LOG_LEVEL", "WARNING")
            .env("PYTHONUNBUFFERED", "1");
        command
    }

    async fn wait_until_healthy(&self, child: &Guarded) -> anyhow::Result<()> {
        let client = reqwest::Client::new();
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            // It listens once its state is read. Who asks without a key is refused, which is an answer.
            if client.get(self.endpoint()).send().await.is_ok_and(|answer| answer.status() == StatusCode::FORBIDDEN) {
                return Ok(());
            }
            if let Some(how) = child.ended() {
                bail!(
                    "the stand-in for AWS ended at once ({how}); read {}, and delete target/local if it keeps failing",
                    self.log().display()
                );
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        bail!(
            "the stand-in for AWS did not answer within {} seconds; read {}",
            PATIENCE.as_secs(),
            self.log().display()
        )
    }
}

async fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0))
        .await
        .context("no free port on 127.0.0.1; end some programs and try again")?;
    Ok(listener.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paths;

    /// How the sources ask S3, by its line in the list.
    const S3: [(&str, &str); 11] = [
        ("s3 DELETE object", "delete_object()"),
        ("s3 GET bucket?list-type", "list_objects_v2()"),
        ("s3 GET bucket?object-lock", "get_text(&format!(\"{bucket}?object-lock"),
        ("s3 GET bucket?versioning", "get_text(&format!(\"{bucket}?versioning"),
        ("s3 GET object", "get_object()"),
        ("s3 HEAD object", "head_object()"),
        ("s3 POST bucket?delete", "delete_objects()"),
        ("s3 PUT bucket", "create_bucket("),
        ("s3 PUT bucket?object-lock", "put(&format!(\"{bucket}?object-lock"),
        ("s3 PUT bucket?versioning", "put(&format!(\"{bucket}?versioning"),
        ("s3 PUT object", "put_object()"),
    ];

    /// Every source that may ask the stand-in, this one apart.
    fn sources(folder: &std::path::Path, all: &mut String) {
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                sources(&entry, all);
            } else if entry.extension().is_some_and(|extension| extension == "rs") && !entry.ends_with(file!()) {
                all.push_str(&fs::read_to_string(&entry).unwrap());
            }
        }
    }

    /// `GetItem` as the SDK's method, `get_item()`.
    fn method(operation: &str) -> String {
        let letters = operation.chars().flat_map(|letter| {
            let before = if letter.is_ascii_uppercase() { "_" } else { "" };
            before.chars().chain(std::iter::once(letter.to_ascii_lowercase()))
        });
        format!("{}()", letters.collect::<String>().trim_start_matches('_'))
    }

    fn is_asked(operation: &str, sources: &str) -> bool {
        if let Some((_, asked)) = S3.iter().find(|(name, _)| *name == operation) {
            return sources.contains(asked);
        }
        let has = |text: &str| sources.contains(text);
        let named = |name: &str| has(&format!("\"{name}\"")) || has(&format!(".{name}\"")) || has(&method(name));
        let words: Vec<&str> = operation.split(' ').collect();
        match words[..] {
            [target] => target.rsplit('.').next().is_some_and(named),
            [_, action] => named(action),
            [_, _, path] => path.split('*').filter(|part| *part != "/").all(has),
            _ => false,
        }
    }

    #[test]
    fn what_the_guard_lets_pass_is_asked_somewhere() {
        let mut all = String::new();
        for folder in ["functions", "shared", "infra/doctor/src", "infra/local/src", "tests/it", "tests/support"] {
            sources(&paths::repository().join(folder), &mut all);
        }
        let listed = OPERATIONS.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let unused: Vec<&str> = listed.filter(|operation| !is_asked(operation, &all)).collect();
        assert!(unused.is_empty(), "nobody asks these any more: {unused:?}");
        assert!(!is_asked("DynamoDB_20120810.DeleteTable", &all.replace("DynamoDB_20120810.DeleteTable", "")));
        assert!(!is_asked("lambda POST /2015-03-31/functions/*/invocations", &all.replace("/invocations", "")));
    }
}
