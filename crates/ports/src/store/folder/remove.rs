//! Removing objects. The port has no such thing: the flow of photos never removes any.

use std::collections::HashSet;

use super::FolderStore;
use super::keys::object_path;
use scanmill_core::error::Result;

impl FolderStore {
    /// Removes these objects of a bucket, durably; how many were there. One that is gone already is not an error.
    ///
    /// # Errors
    /// When one cannot be removed; those before it are gone.
    pub async fn remove(&self, bucket: &str, keys: Vec<String>) -> Result<usize> {
        let bucket = bucket.to_owned();
        self.call(move |shared| {
            let (mut removed, mut folders) = (0, HashSet::new());
            for key in &keys {
                let at = object_path(&bucket, key)?;
                if shared.tree.remove(&at)? {
                    removed += 1;
                    folders.insert(at.folders);
                }
            }
            folders.iter().try_for_each(|folders| shared.tree.sync(folders))?;
            Ok(removed)
        })
        .await
    }
}
