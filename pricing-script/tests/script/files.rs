//! Settings that name a file which is not a regular file.

use std::fs;
use std::os::unix::fs::symlink;

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::{NO_GPU, refuses, request};

#[test]
fn pipes_and_devices_are_refused_and_never_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    mknodat(CWD, path("pipe"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    symlink("pipe", path("link")).unwrap();
    symlink("/dev/zero", path("zero")).unwrap();
    fs::create_dir(path("folder")).unwrap();
    let places = ["pipe", "link", "zero", "folder"].map(path);
    for setting in ["BIDPRICE_WHITELIST", "BIDPRICE_RATES", "BIDPRICE_INVENTORY"] {
        for named in places.iter().map(String::as_str).chain(["/dev/zero", "/dev/stdin"]) {
            refuses(&request("uact", NO_GPU), &[(setting, named)], "is not a regular file");
        }
    }
    // Without a usable cache there is no rate.
    for (named, reason) in
        places.iter().zip(["not a regular file", "a symbolic link", "a symbolic link", "not a regular file"])
    {
        refuses(&request("uakt", NO_GPU), &[("BIDPRICE_RATE_CACHE", named)], reason);
    }
}
