//! The Python example with a real service: reflection, health and quotes with a client that this project did not write.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::service::Program;

/// Returns a Python with grpcio: `BIDPRICE_PYTHON`, the one in `target/python` (which `.ci/run` creates), or this
/// machine's.
fn python() -> Option<PathBuf> {
    let named = std::env::var_os("BIDPRICE_PYTHON").map(PathBuf::from);
    let made = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../python/bin/python3");
    let candidates = [named, Some(made), Some(PathBuf::from("python3"))];
    let imports =
        "import grpc, grpc_health.v1.health_pb2, grpc_reflection.v1alpha.proto_reflection_descriptor_database";
    let has_it = |python: &PathBuf| {
        let output = Command::new(python).args(["-c", imports]).output();
        output.is_ok_and(|output| output.status.success())
    };
    candidates.into_iter().flatten().find(has_it)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn grpcio_gets_prices_through_reflection_and_probes_the_health() {
    let Some(python) = python() else {
        assert!(std::env::var_os("BIDPRICE_REQUIRE_GRPCIO").is_none(), "no python3 has grpcio, though one must");
        eprintln!("SKIPPED: no python3 with grpcio, grpcio-reflection and grpcio-health-checking:");
        eprintln!(
            "  python3 -m venv target/python && target/python/bin/pip install -r examples/python/requirements.txt"
        );
        return;
    };
    let mut program = Program::new();
    program.put(
        "bidprice.toml",
        "[listen]\nsocket = \"bidprice.sock\"\n[rates.gpu]\n\"t4\" = \"80\"\n[feed]\nusd_per_akt = \"0.5\"\n\
         [limits]\ndeadline = \"10m\"\n",
    );
    program.start().await;
    let request =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/request.json")).unwrap();
    program.put("request.json", request.replace("uakt", "uact"));
    let check = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/python/check.py");
    let mut command = Command::new(python);
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command.arg(check).arg("--socket").arg(program.socket()).arg(program.folder().join("request.json"));
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && stdout.contains("all is well"), "{stdout}{stderr}{}", program.told());
    program.stop().await;
}
