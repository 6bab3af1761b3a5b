//! The instance's user data, run: in a root of its own with stand-ins for what AWS's image brings (`aws`, `cfn-signal`,
//! `systemctl`, `dnf`), up to the signal that the stack waits for. The engine, its unit, its user and its configuration are
//! the real ones, and so are the servers it talks to.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::process::photo::jpeg;
use crate::rig::{self, DataApi, Ministack, Stack};

/// Stand-ins by their paths in the instance's root.
const STAND_INS: &[(&str, &str)] = &[
    (
        "usr/local/bin/aws",
        "[ \"$1 $2\" != 's3 cp' ] || exec cp \"/bucket/${4##*/}\" \"$5\"\necho \"aws $*\" >> /said\n",
    ),
    ("opt/aws/bin/cfn-signal", "echo \"cfn-signal $*\" >> /said\n"),
    ("usr/local/bin/dnf", "mkdir -p /opt/aws/amazon-cloudwatch-agent/etc\n"),
    ("usr/local/bin/journalctl", "cat /journal >&2\n"),
    // Another engine may serve the port that user data asks.
    (
        "usr/local/bin/curl",
        "for word; do set -- \"$@\" \"${word/:9464/:$PORT}\"; shift; done\nexec /usr/bin/curl \"$@\"\n",
    ),
    // What systemd makes of the unit, as far as the engine sees it: its user, folder, environment and command, and that it
    // is started again unless it ends as told not to.
    (
        "usr/local/bin/systemctl",
        r#"echo "systemctl $*" >> /said
[ "$*" = 'enable --now scanmill.service' ] || exit 0
unit=/etc/systemd/system/scanmill.service
of() { sed -n "s/^$1=//p" $unit; }
folder=$(of WorkingDirectory)
install -d -m "$(of StateDirectoryMode)" -o "$(of User)" "$folder"
variables=$(of Environment; cat "$(of EnvironmentFile | tr -d -)")
(
  cd "$folder"
  umask "$(of UMask)"
  while :; do
    setpriv --reuid "$(of User)" --regid "$(of User)" --clear-groups --no-new-privs \
      env -i PATH="$PATH" SCANMILL_METRICS_LISTEN=127.0.0.1:$PORT $variables $(of ExecStart) >> /journal 2>&1
    [ $? != "$(of RestartPreventExitStatus)" ] || exit 0
    sleep 0.2
  done
) > /dev/null 2>&1 &
"#,
    ),
];

/// What the instance runs its user data in: the machine's own root under a layer that is thrown away, with processes that
/// end with it.
const INSIDE: &str = r#"
mount -t tmpfs layer "$1" && mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" root "$1/root"
cp -r "$2/." "$1/root/"
mount --rbind /dev "$1/root/dev" && mount -t proc proc "$1/root/proc"
export PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin
chroot "$1/root" /bin/bash /user-data
status=$?
cat "$1/root/said" "$1/root/journal"
chroot "$1/root" find /var/lib/scanmill -printf '%m %u %P\n'
exit $status
"#;

struct Instance {
    stack: Stack,
    /// Laid over the root.
    files: TempDir,
    /// The release, unpacked.
    release: PathBuf,
    port: u16,
}

impl Instance {
    fn new() -> Instance {
        let stack = Stack::new(Ministack::shared().aws(), DataApi::shared()).unwrap();
        let files = tempfile::tempdir().unwrap();
        let place = |path: &str, text: &str| {
            let path = files.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        };
        for (path, text) in STAND_INS {
            place(path, &format!("#!/bin/bash\n{text}"));
        }
        // What an operator puts there who has servers of their own.
        let is_elsewhere = |key: &str| key.ends_with(".endpoint") || key == "s3.path_style";
        let mut environment: String = stack
            .settings()
            .iter()
            .filter(|(key, _)| is_elsewhere(key))
            .map(|(key, value)| format!("SCANMILL_{}={value}\n", key.replace('.', "_").to_uppercase()))
            .collect();
        rig::ENVIRONMENT.iter().for_each(|(name, value)| environment.push_str(&format!("{name}={value}\n")));
        place("etc/scanmill/environment", &environment);
        place("said", "");
        place("journal", "");
        let release = files.path().join("release/scanmill-0-test");
        std::fs::create_dir_all(&release).unwrap();
        std::fs::copy(env!("CARGO_BIN_EXE_scanmill"), release.join("scanmill")).unwrap();
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/aws");
        for name in ["scanmill.service", "scanmill-watch.service", "scanmill-journal.service", "scanmill-watch"] {
            std::fs::copy(shipped.join(name), release.join(name)).unwrap();
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Instance { stack, files, release, port }
    }

    /// Packs the release; its checksum.
    fn upload(&self) -> String {
        let bucket = self.files.path().join("bucket");
        std::fs::create_dir_all(&bucket).unwrap();
        let packed = bucket.join("scanmill.tar.gz");
        let mut packs = Command::new("tar");
        packs.args(["--use-compress-program=gzip -1", "-cf"]).arg(&packed).arg("-C");
        packs.arg(self.release.parent().unwrap()).arg("scanmill-0-test");
        assert!(packs.status().unwrap().success());
        let output = Command::new("sha256sum").arg(&packed).output().unwrap();
        String::from_utf8(output.stdout).unwrap().split(' ').next().unwrap().to_owned()
    }

    /// Runs the user data; how it ended, and what was said and left.
    fn boot(&self, sha256: &str) -> (Option<i32>, String) {
        let mut text = super::provisioning::user_data();
        let stack = &self.stack;
        for (name, value) in [
            ("LandingBucketName", stack.inbox.as_str()),
            ("ResultsBucketName", &stack.results),
            ("QueueUrl", &stack.queue_url),
            ("WorkgroupName", rig::WORKGROUP),
            ("DatabaseName", &stack.database),
            ("ArtifactUrl", "s3://artifacts/scanmill.tar.gz"),
            ("ArtifactSha256", sha256),
            ("CopyRoleArn", "default"),
            ("KeyPrefix", ""),
            ("LoadIntervalMs", "1000"),
            ("LogGroup", "/scanmill/engine"),
            ("AWS::Region", rig::REGION),
            ("AWS::StackName", "engine"),
        ] {
            text = text.replace(&format!("${{{name}}}"), value);
        }
        std::fs::write(self.files.path().join("user-data"), text.replace("${!", "${")).unwrap();
        let layer = tempfile::tempdir().unwrap();
        let mut command = Command::new("unshare");
        command.args(["--mount", "--pid", "--fork", "--kill-child", "bash", "-c", INSIDE, "inside"]);
        command.arg(layer.path()).arg(self.files.path()).env("PORT", self.port.to_string());
        let output = command.env("SCANMILL_LOOK_SECONDS", "0.5").output().unwrap();
        let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
        (output.status.code(), said)
    }
}

/// Only root may make a root; elsewhere the test is left out.
fn may_not() -> bool {
    let output = Command::new("unshare").args(["--mount", "--pid", "--fork", "true"]).output();
    let may = output.is_ok_and(|output| output.status.success());
    assert!(may || std::env::var("CI").as_deref() != Ok("true"), "no right to make a root");
    !may
}

#[test]
fn user_data_ends_with_a_ready_engine_or_tells_the_stack_that_it_does_not() {
    if may_not() {
        return;
    }
    let instance = Instance::new();
    instance.stack.aws.put_object(&instance.stack.inbox, "a.jpg", &jpeg("https://shop.example/p/1")).unwrap();
    let good = instance.upload();
    let (code, said) = instance.boot(&good);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("cfn-signal --exit-code 0 --stack engine --resource Group"), "{said}");
    for unit in ["scanmill", "scanmill-watch", "scanmill-journal", "amazon-cloudwatch-agent"] {
        assert!(said.contains(&format!("systemctl enable --now {unit}.service")), "{said}");
    }
    // Of its own user, and closed to others.
    assert!(said.contains("700 scanmill \n"), "{said}");

    // Not what was ordered.
    let (code, said) = instance.boot(&good.replace(['0', '1', '2', '3'], "f"));
    assert!(code != Some(0) && said.contains("cfn-signal --exit-code 1"), "{said}");
    assert!(!said.contains("systemctl enable"), "{said}");

    // What cannot be started, like a binary for another C library.
    std::fs::write(instance.release.join("scanmill"), b"\x7fELF").unwrap();
    let broken = instance.upload();
    let (code, said) = instance.boot(&broken);
    assert!(code != Some(0) && said.contains("cfn-signal --exit-code 1"), "{said}");
    assert!(said.contains("the engine is not ready"), "{said}");

    // Back to the one before.
    std::fs::copy(env!("CARGO_BIN_EXE_scanmill"), instance.release.join("scanmill")).unwrap();
    let again = instance.upload();
    let (code, said) = instance.boot(&again);
    assert!(code == Some(0) && said.contains("cfn-signal --exit-code 0"), "{said}");
}

/// The Terraform module's user data differs in whom it tells and in how names are written, and in nothing else.
#[test]
fn the_terraform_module_boots_the_same() {
    let module =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("config/aws/terraform/user-data.sh.tftpl"))
            .unwrap();
    let mut stack = super::provisioning::user_data().replace("${!", "$${");
    for (name, theirs) in [
        ("ArtifactUrl", "artifact_url"),
        ("ArtifactSha256", "artifact_sha256"),
        ("AWS::Region", "region"),
        ("LogGroup", "log_group"),
        ("LandingBucketName", "landing_bucket"),
        ("ResultsBucketName", "results_bucket"),
        ("KeyPrefix", "key_prefix"),
        ("QueueUrl", "queue_url"),
        ("WorkgroupName", "workgroup"),
        ("DatabaseName", "database"),
        ("CopyRoleArn", "copy_role"),
        ("LoadIntervalMs", "load_interval_ms"),
    ] {
        stack = stack.replace(&format!("${{{name}}}"), &format!("${{{theirs}}}"));
    }
    let after = |text: &str| text.split_once("\ntrap tell EXIT\n").map(|(_, rest)| rest.trim_end().to_owned());
    assert_eq!(after(&stack), after(&module));
    assert!(after(&stack).is_some());
}
