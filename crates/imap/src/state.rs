//! [`State`]: where a session stands (RFC 3501 §3), and the folder that is open.

use std::sync::Arc;

use pli_store::{Account, Change, Folder};
use pli_types::{FolderId, MessageId};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use crate::answer::Answer;
use crate::message::structure::Part;
use crate::view::View;

/// Where it stands.
#[derive(Debug)]
pub(crate) enum State {
    NotAuthenticated,
    Authenticated(Account),
    Selected(Account, Box<Selected>),
}

/// The folder that is open.
#[derive(Debug)]
pub(crate) struct Selected {
    pub(crate) folder: Folder,
    pub(crate) read_only: bool,
    pub(crate) view: View,
    changes: broadcast::Receiver<Change>,
    /// Something may have changed that the view does not know of.
    stale: bool,
    /// The structure of the message last asked for: clients fetch large parts piece by piece.
    pub(crate) structure: Option<(MessageId, Arc<Part>)>,
}

impl State {
    pub(crate) fn account(&self) -> Option<&Account> {
        match self {
            Self::NotAuthenticated => None,
            Self::Authenticated(account) | Self::Selected(account, _) => Some(account),
        }
    }

    /// The account, for a command that needs one.
    pub(crate) fn signed_in(&self) -> Result<&Account, Answer> {
        self.account().ok_or(Answer::bad("Sign in first"))
    }

    /// The open folder, for a command that needs one.
    pub(crate) fn selected(&mut self) -> Result<&mut Selected, Answer> {
        match self {
            Self::Selected(_, selected) => Ok(selected),
            Self::NotAuthenticated => Err(Answer::bad("Sign in first")),
            Self::Authenticated(_) => Err(Answer::bad("Select a folder first")),
        }
    }

    /// The same, for a command that changes what is in it.
    pub(crate) fn writable(&mut self) -> Result<&mut Selected, Answer> {
        let selected = self.selected()?;
        if selected.read_only {
            return Err(Answer::no("READ-ONLY", "This folder was opened with EXAMINE"));
        }
        Ok(selected)
    }

    /// Closes the open folder, if there is one.
    pub(crate) fn close_folder(&mut self) {
        *self = match std::mem::replace(self, Self::NotAuthenticated) {
            Self::Selected(account, _) => Self::Authenticated(account),
            other => other,
        };
    }

    /// Opens a folder.
    pub(crate) fn open_folder(&mut self, selected: Selected) {
        *self = match std::mem::replace(self, Self::NotAuthenticated) {
            Self::NotAuthenticated => Self::NotAuthenticated,
            Self::Authenticated(account) | Self::Selected(account, _) => Self::Selected(account, Box::new(selected)),
        };
    }
}

impl Selected {
    pub(crate) fn new(folder: Folder, read_only: bool, view: View, changes: broadcast::Receiver<Change>) -> Self {
        Self { folder, read_only, view, changes, stale: false, structure: None }
    }

    /// Waits until something in this folder may have changed.
    pub(crate) async fn changed(&mut self) {
        while !self.stale {
            let change = self.changes.recv().await;
            match change {
                Ok(change) => self.stale |= concerns(change, self.folder.id),
                Err(RecvError::Lagged(_)) => self.stale = true,
                // The store is gone: nothing more will change.
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }

    /// Should the store be asked?
    pub(crate) fn is_stale(&self) -> bool {
        self.stale
    }

    /// It is being asked.
    pub(crate) fn mark_fresh(&mut self) {
        self.stale = false;
    }

    /// It was asked in vain.
    pub(crate) fn mark_stale(&mut self) {
        self.stale = true;
    }

    /// Takes in what the store has said since.
    pub(crate) fn notice_changes(&mut self) {
        loop {
            match self.changes.try_recv() {
                Ok(change) => self.stale |= concerns(change, self.folder.id),
                Err(TryRecvError::Lagged(_)) => self.stale = true,
                Err(TryRecvError::Empty | TryRecvError::Closed) => return,
            }
        }
    }
}

fn concerns(change: Change, folder: FolderId) -> bool {
    match change {
        Change::Folder(_, changed) => changed == folder,
        Change::Folders(_) => true,
        Change::Queue | Change::Campaigns | Change::Receipts | Change::Watches | Change::Access => false,
    }
}
