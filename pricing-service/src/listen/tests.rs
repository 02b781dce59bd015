use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use super::*;

async fn refused(path: &Path) -> String {
    match Socket::bind(path).await {
        Ok(_) => "bound".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn a_socket_is_its_owner_s_alone_and_its_folder_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/er/b.sock");
    let socket = Socket::bind(&path).await.unwrap();
    let mode = |path: &Path| fs::symlink_metadata(path).unwrap().mode() & 0o777;
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    socket.close();
    assert!(!path.exists());
}

#[tokio::test]
async fn a_live_socket_is_left_alone_and_a_stale_one_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.sock");
    let first = Socket::bind(&path).await.unwrap();
    assert!(refused(&path).await.contains("another service listens there"));
    // A service that was killed leaves such a file.
    std::mem::drop(std::os::unix::net::UnixListener::bind(folder.path().join("stale")).unwrap());
    let stale = Socket::bind(&folder.path().join("stale")).await.unwrap();
    stale.close();
    first.close();
    Socket::bind(&path).await.unwrap().close();
}

#[tokio::test]
async fn what_is_no_socket_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "precious").unwrap();
    let link = folder.path().join("link");
    symlink(&file, &link).unwrap();
    let dangling = folder.path().join("dangling");
    symlink(folder.path().join("nowhere"), &dangling).unwrap();
    for path in [&file, &link, &dangling, &folder.path().to_owned()] {
        assert!(refused(path).await.contains("not a socket"), "{}", path.display());
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
}

#[tokio::test]
async fn a_socket_that_another_service_put_there_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.sock");
    let first = Socket::bind(&path).await.unwrap();
    fs::remove_file(&path).unwrap();
    let second = Socket::bind(&path).await.unwrap();
    first.close();
    assert!(fs::symlink_metadata(&path).unwrap().file_type().is_socket());
    second.close();
    assert!(!path.exists());
}

#[tokio::test]
async fn a_folder_that_others_may_change_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.sock");
    let mode = |mode| fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
    for open in [0o777, 0o770, 0o702] {
        mode(open);
        assert!(refused(&path).await.contains("chmod go-w"), "{open:o}");
    }
    mode(0o1777);
    Socket::bind(&path).await.unwrap().close();
}

#[tokio::test]
async fn of_two_that_start_at_once_one_listens() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.sock");
    let (first, second) = tokio::join!(Socket::bind(&path), Socket::bind(&path));
    assert_eq!(usize::from(first.is_ok()) + usize::from(second.is_ok()), 1);
}

#[tokio::test]
async fn a_path_that_is_too_long_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x".repeat(120)).join("b.sock");
    assert_ne!(refused(&path).await, "bound");
}
