//! The life of a cluster, with a real PostgreSQL.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use cluster::{Cluster, Error};
use tempfile::TempDir;

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// A folder the PostgreSQL account can enter: tempfile makes them for the owner only.
fn open_dir() -> Result<TempDir, std::io::Error> {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir()?;
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755))?;
    Ok(dir)
}

fn postmaster(data: &Path) -> Result<String, Box<dyn std::error::Error>> {
    let file = std::fs::read_to_string(data.join("postgres/postmaster.pid"))?;
    Ok(file.lines().next().ok_or("an empty postmaster.pid")?.to_owned())
}

fn kill(signal: &str, pid: &str) -> Outcome {
    Command::new("kill")
        .args([signal, pid])
        .status()?
        .success()
        .then_some(())
        .ok_or("kill failed")?;
    Ok(())
}

#[tokio::test]
async fn what_was_written_survives_a_clean_stop() -> Outcome {
    let dir = open_dir()?;
    let cluster = Cluster::start(dir.path()).await?;
    let url = cluster.database_url("guild hall").await?;
    assert!(
        url.starts_with("postgres://guildhall@localhost/guild%20hall?host=/"),
        "{url}"
    );
    assert_eq!(
        url,
        cluster.database_url("guild hall").await?,
        "asking again changes nothing"
    );
    cluster
        .execute("guild hall", "CREATE TABLE t (n int); INSERT INTO t VALUES (7);")
        .await?;
    cluster.stop().await?;
    assert!(
        !dir.path().join("postgres/postmaster.pid").exists(),
        "the server is down"
    );

    let cluster = Cluster::start(dir.path()).await?;
    assert_eq!(cluster.execute("guild hall", "SELECT n FROM t;").await?, "7\n");
    cluster.stop().await?;
    Ok(())
}

#[tokio::test]
async fn a_killed_postmaster_is_replaced_and_nothing_committed_is_lost() -> Outcome {
    let dir = open_dir()?;
    let cluster = Cluster::start(dir.path()).await?;
    cluster
        .execute("postgres", "CREATE TABLE t (n int); INSERT INTO t VALUES (7);")
        .await?;
    let killed = postmaster(dir.path())?;
    kill("-9", &killed)?;

    let again = Cluster::start(dir.path()).await?;
    assert_ne!(postmaster(dir.path())?, killed);
    assert_eq!(again.execute("postgres", "SELECT n FROM t;").await?, "7\n");
    drop(cluster);
    again.stop().await?;
    Ok(())
}

#[tokio::test]
async fn a_server_left_by_a_killed_guildhall_is_taken_over() -> Outcome {
    let dir = open_dir()?;
    // Dropping is all a kill -9 does: nothing is stopped.
    drop(Cluster::start(dir.path()).await?);
    let orphan = postmaster(dir.path())?;

    let cluster = Cluster::start(dir.path()).await?;
    assert_eq!(postmaster(dir.path())?, orphan);
    cluster.stop().await?;
    assert!(
        !dir.path().join("postgres/postmaster.pid").exists(),
        "taken over means stopped too"
    );
    Ok(())
}

#[tokio::test]
async fn a_pid_file_that_names_a_stranger_is_not_believed() -> Outcome {
    let dir = open_dir()?;
    let cluster = Cluster::start(dir.path()).await?;
    let killed = postmaster(dir.path())?;
    kill("-9", &killed)?;
    drop(cluster);
    // The number was used again, by a process that has nothing to do with PostgreSQL: this one.
    let path = dir.path().join("postgres/postmaster.pid");
    let file = std::fs::read_to_string(&path)?.replacen(&killed, &std::process::id().to_string(), 1);
    std::fs::write(&path, file)?;

    Cluster::start(dir.path()).await?.stop().await?;
    Ok(())
}

#[tokio::test]
async fn starting_at_the_same_time_gives_one_server_and_the_last_user_stops_it() -> Outcome {
    let dir = open_dir()?;
    let (one, two) = tokio::join!(
        Cluster::start_throwaway(dir.path()),
        Cluster::start_throwaway(dir.path())
    );
    let (one, two) = (one?, two?);
    let url = one.database_url("shared").await?;
    assert_eq!(url, two.database_url("shared").await?);
    one.stop().await?;
    assert_eq!(
        two.execute("shared", "SELECT 1;").await?,
        "1\n",
        "the other user keeps it running"
    );
    two.stop().await?;
    assert!(!dir.path().join("postgres/postmaster.pid").exists());
    Ok(())
}

#[tokio::test]
async fn a_deep_path_gets_a_short_socket() -> Outcome {
    let dir = open_dir()?;
    let deep: PathBuf = dir
        .path()
        .join("d".repeat(60))
        .join("with, comma and space")
        .join("e".repeat(60));
    let cluster = Cluster::start_throwaway(&deep).await?;
    let url = cluster.database_url("deep").await?;
    assert!(url.len() < 140, "{url}");
    assert_eq!(cluster.execute("deep", "SELECT 1;").await?, "1\n");
    cluster.stop().await?;
    Ok(())
}

#[tokio::test]
async fn a_folder_the_account_cannot_enter_works_too() -> Outcome {
    // Only as root is there a second account; otherwise this is an ordinary start.
    let closed = tempfile::tempdir()?;
    let cluster = Cluster::start_throwaway(closed.path()).await?;
    assert_eq!(cluster.execute("postgres", "SELECT 1;").await?, "1\n");
    let pointer = closed.path().join("postgres");
    let elsewhere = std::fs::read_link(&pointer).ok();
    cluster.stop().await?;
    if let Some(home) = elsewhere.as_deref().and_then(Path::parent) {
        std::fs::remove_dir_all(home)?;
    }
    Ok(())
}

#[tokio::test]
async fn a_failing_statement_says_why() -> Outcome {
    let dir = open_dir()?;
    let cluster = Cluster::start_throwaway(dir.path()).await?;
    let failed = cluster.execute("postgres", "SELECT nonsense;").await;
    assert!(
        matches!(&failed, Err(Error::Failed { output, .. }) if output.contains("nonsense")),
        "{failed:?}"
    );
    cluster.stop().await?;
    Ok(())
}
