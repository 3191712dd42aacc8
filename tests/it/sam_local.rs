//! The webhook in a container, by `sam local invoke`: what `cargo sam-local` promises, tested where a container engine
//! is, or where root may start one. The image is made here, of busybox and the libraries that the executable links,
//! because a registry may be unreachable; with AWS's own image only the base of the container differs.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test may fail loudly, and says when it cannot run")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use comptoir_local::bundle::build;
use comptoir_local::process::{self, Guarded};
use comptoir_local::progress::Progress;
use comptoir_local::sam_local::{SamLocal, engine_answers, invoke, prepare_all, promises, said};

const IMAGE: &str = "comptoir/provided:al2023";
const BRIDGE: &str = "docker0";

#[tokio::test]
async fn the_webhook_answers_in_a_container_what_its_events_promise() -> Result<()> {
    let Some(engine) = Engine::find().await? else {
        return skipped("there is no container engine, and none that root could start (docker.io, busybox-static)");
    };
    let Some(busybox) = static_busybox() else {
        engine.stop().await;
        return skipped("there is no static busybox to make an image of (busybox-static)");
    };
    let result = answers(&engine, &busybox).await;
    engine.stop().await;
    result
}

async fn answers(engine: &Engine, busybox: &Path) -> Result<()> {
    let binaries = build::build(Progress::Silent).await?;
    let binary = binaries.get("payment-webhook").context("the webhook is built")?.clone();
    let folder = tempdir()?;
    image(engine, busybox, &binary, &folder)?;
    let wish =
        SamLocal { event: None, image: Some(IMAGE.to_owned()), binary: Some(binary), engine: engine.address.clone() };
    let setup = prepare_all(&wish).await?;
    for promise in promises()? {
        let answer = invoke(&setup, &promise.event).await?;
        ensure!(said(&answer) == promise.answer, "{}: {answer}", promise.name);
    }
    Ok(())
}

/// Where every test is mandatory, a missing engine is a failure.
#[expect(clippy::disallowed_methods, reason = "a test has no configuration to read through")]
fn skipped(why: &str) -> Result<()> {
    eprintln!("sam local invoke: SKIPPED, {why}");
    match std::env::var("REQUIRE_TOOLS").as_deref() {
        Ok("1") => bail!("{why}, and REQUIRE_TOOLS=1"),
        _ => Ok(()),
    }
}

/// A container engine: the machine's, or one started by this test.
struct Engine {
    address: Option<String>,
    own: Option<Guarded>,
    folder: PathBuf,
    bridge: bool,
}

impl Engine {
    async fn find() -> Result<Option<Self>> {
        let folder = tempdir()?;
        if engine_answers(None).await {
            return Ok(Some(Self { address: None, own: None, folder, bridge: false }));
        }
        if !is_root() || !found("dockerd") || !found("setpriv") || !found("docker") {
            return Ok(None);
        }
        let at = |name: &str| folder.join(name).display().to_string();
        let address = format!("unix://{}", at("sock"));
        let bridge = !Path::new("/sys/class/net").join(BRIDGE).exists();
        let log = std::fs::File::create(folder.join("log"))?;
        // Ends with this process, however that ends. It changes no rule of the machine's firewall.
        let mut dockerd = tokio::process::Command::new("setpriv");
        dockerd.args(["--pdeathsig", "TERM", "dockerd", "--host", &address, "--data-root", &at("data")]);
        dockerd.args(["--exec-root", &at("exec"), "--pidfile", &at("pid"), "--ip", "127.0.0.1"]);
        dockerd.args(["--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false"]);
        dockerd.args(["--bip", "172.29.41.1/24"]);
        dockerd.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let own = process::spawn(&mut dockerd)?;
        let engine = Self { address: Some(address), own: Some(own), folder, bridge };
        for _ in 0..200 {
            if engine_answers(engine.address.as_deref()).await {
                return Ok(Some(engine));
            }
            if engine.own.as_ref().is_some_and(|own| own.ended().is_some()) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let log = std::fs::read_to_string(engine.folder.join("log")).unwrap_or_default();
        eprintln!("dockerd does not start here: {}", log.lines().last().unwrap_or_default());
        engine.stop().await;
        Ok(None)
    }

    fn docker(&self) -> Command {
        let mut docker = Command::new("docker");
        docker.envs(self.address.as_ref().map(|address| ("DOCKER_HOST", address)));
        docker
    }

    /// Ends the engine started here and removes its folder and its bridge.
    async fn stop(self) {
        if let Some(own) = &self.own {
            own.terminate(Duration::from_secs(30)).await;
            if self.bridge {
                Command::new("ip").args(["link", "delete", BRIDGE]).stderr(Stdio::null()).status().ok();
            }
        }
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

/// A base image with what SAM runs in it: a shell and a few commands, the executable's libraries, Lambda's folders.
fn image(engine: &Engine, busybox: &Path, binary: &Path, folder: &Path) -> Result<()> {
    let root = folder.join("root");
    for place in ["bin", "lib64", "tmp", "opt", "etc", "var/task", "var/runtime"] {
        std::fs::create_dir_all(root.join(place))?;
    }
    std::fs::copy(busybox, root.join("bin/busybox"))?;
    for name in ["sh", "mv", "chmod", "cp", "rm", "mkdir", "ls", "cat"] {
        std::os::unix::fs::symlink("busybox", root.join("bin").join(name))?;
    }
    let libraries = Command::new("ldd").arg(binary).output()?;
    let text = String::from_utf8(libraries.stdout)?;
    for library in text.split_whitespace().filter(|word| word.starts_with('/')) {
        let name = Path::new(library).file_name().context("a library has a name")?;
        std::fs::copy(library, root.join("lib64").join(name))?;
    }
    let archive = folder.join("root.tar");
    let packed = Command::new("tar").arg("-C").arg(&root).arg("-cf").arg(&archive).arg(".").status()?;
    ensure!(packed.success(), "the image cannot be packed");
    let mut import = engine.docker();
    import.args(["import", "--change", "ENV PATH=/bin LD_LIBRARY_PATH=/lib64"]).arg(&archive).arg(IMAGE);
    let imported = import.stdout(Stdio::null()).status()?;
    ensure!(imported.success(), "the image cannot be imported");
    std::fs::remove_dir_all(folder).ok();
    Ok(())
}

/// A folder unique to this process and call; socket paths must be short.
fn tempdir() -> Result<PathBuf> {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("comptoir-sam-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let folder = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n")
}

fn found(program: &str) -> bool {
    Command::new("which").arg(program).output().is_ok_and(|output| output.status.success())
}

/// Debian's is at /bin/busybox; a dynamically linked one could not start in an image without its libraries.
fn static_busybox() -> Option<PathBuf> {
    let path = Path::new("/bin/busybox");
    let linked = Command::new("ldd").arg(path).output().ok()?;
    (path.exists() && !linked.status.success()).then(|| path.to_owned())
}
