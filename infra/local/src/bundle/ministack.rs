//! The AWS stand-in as a child process: started, waited for, stopped and started again with its state.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tokio::net::TcpListener;
use tokio::process::{ChildStdin, Command};

use crate::environment;
use crate::lock::cannot_write;
use crate::process::{self, Guarded};

/// How long it may take to answer; usually it needs about a second.
const PATIENCE: Duration = Duration::from_secs(60);

/// Starts the stand-in and watches the pipe we hold: it ends when this process ends, for whatever reason.
const LAUNCHER: &str = r"
import os, sys, threading
def watch():
    while os.read(0, 1):
        pass
    os._exit(0)
threading.Thread(target=watch, daemon=True).start()
from ministack.app import main
main()
";

/// The running stand-in.
#[derive(Debug)]
pub struct Ministack {
    program: PathBuf,
    dir: PathBuf,
    port: u16,
    child: Option<(Guarded, Option<ChildStdin>)>,
}

impl Ministack {
    /// Starts it on a free port, with its state below `dir`.
    ///
    /// # Errors
    /// When it does not come up; the sentence names its log.
    pub async fn start(program: PathBuf, dir: &Path) -> anyhow::Result<Self> {
        let mut this = Self { program, dir: dir.join("aws"), port: free_port().await?, child: None };
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
        command.args(["-c", LAUNCHER]).stdin(Stdio::piped()).stdout(out).stderr(err);
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
            .env("GATEWAY_PORT", self.port.to_string())
            .env("BIND_HOST", "127.0.0.1")
            .env("IOT_MTLS_ENABLED", "0")
            .env("SFTP_ENABLED", "0")
            // It would try to clean up containers of its own; there are none, and it must not touch Docker.
            .env("DOCKER_HOST", "unix:///nonexistent")
            .env("AWS_ENDPOINT_URL", self.endpoint())
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_DEFAULT_REGION", crate::aws::REGION)
            .env("MINISTACK_REGION", crate::aws::REGION)
            .env("PERSIST_STATE", "1")
            .env("STATE_DIR", self.dir.join("state"))
            .env("S3_PERSIST", "1")
            .env("S3_DATA_DIR", self.dir.join("s3"))
            .env("TMPDIR", self.dir.join("tmp"))
            .env("LOG_LEVEL", "WARNING")
            .env("PYTHONUNBUFFERED", "1");
        command
    }

    async fn wait_until_healthy(&self, child: &Guarded) -> anyhow::Result<()> {
        let url = format!("{}/_ministack/health", self.endpoint());
        let client = reqwest::Client::new();
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            if client.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
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
