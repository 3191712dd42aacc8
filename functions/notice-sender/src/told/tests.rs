//! How the lane treats messages, over an app that answers as it is told and messages in memory.
