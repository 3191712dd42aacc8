//! The mails of the sign-in: invitations and codes, which Cognito sends by itself and no function of ours. The stand-in for AWS
//! hands them over by SMTP; they are listed apart from the mailbox, which is SES's.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use mail_parser::MessageParser;
use serde::Serialize;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::clock;
use crate::runtime::AbortOnDrop;

/// Longest mail, and longest line, in bytes.
const LONGEST: usize = 256 * 1024;

/// The longest that a conversation may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A mail of the sign-in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SignInMail {
    /// To whom.
    pub to: String,
    /// Subject.
    pub subject: String,
    /// What it says.
    pub text: String,
    /// When it came, RFC 3339.
    pub at: String,
}

/// The mails, oldest first.
#[derive(Debug, Default)]
pub struct SignInMails {
    mails: Mutex<Vec<SignInMail>>,
}

impl SignInMails {
    /// Listens on a free port of this machine; the address, and what listens until it is dropped.
    ///
    /// # Errors
    /// When there is no free port.
    pub async fn listen(self: &Arc<Self>) -> anyhow::Result<(String, AbortOnDrop<()>)> {
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .context("no free port on 127.0.0.1; end some programs and run the command again")?;
        let address = listener.local_addr()?.to_string();
        let mails = self.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let mails = mails.clone();
                tokio::spawn(async move {
                    let taken = tokio::time::timeout(PATIENCE, take(stream)).await;
                    if let Ok(Ok(taken)) = taken {
                        let taken = taken.iter().filter_map(|raw| read(raw));
                        mails.mails.lock().unwrap_or_else(PoisonError::into_inner).extend(taken);
                    }
                });
            }
        });
        Ok((address, AbortOnDrop(task)))
    }

    /// Every mail, oldest first.
    pub fn all(&self) -> Vec<SignInMail> {
        self.mails.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The mails of one conversation (RFC 5321), as they were sent. Whoever begins otherwise, as a web page would, is not listened to.
async fn take(stream: TcpStream) -> std::io::Result<Vec<Vec<u8>>> {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    let mut mails = Vec::new();
    answer(&mut write, "220 local").await?;
    let mut greeted = false;
    while let Some(line) = line(&mut read).await? {
        let word = String::from_utf8_lossy(&line).split_whitespace().next().unwrap_or_default().to_uppercase();
        match word.as_str() {
            "EHLO" => greeted = true,
            "QUIT" => {
                answer(&mut write, "221 bye").await?;
                break;
            }
            _ if !greeted => break,
            "DATA" => {
                answer(&mut write, "354 go on").await?;
                mails.push(data(&mut read).await?);
            }
            "MAIL" | "RCPT" | "RSET" | "NOOP" => {}
            _ => {
                answer(&mut write, "502 not here").await?;
                continue;
            }
        }
        answer(&mut write, "250 ok").await?;
    }
    Ok(mails)
}

async fn answer(write: &mut (impl AsyncWrite + Unpin), text: &str) -> std::io::Result<()> {
    write.write_all(format!("{text}\r\n").as_bytes()).await
}

/// A line without its end; `None` at the end of the conversation, or where it is too long.
async fn line(read: &mut (impl AsyncBufRead + Unpin)) -> std::io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    loop {
        let part = read.fill_buf().await?;
        let end = part.iter().position(|byte| *byte == b'\n');
        let length = end.map_or(part.len(), |end| end + 1);
        line.extend_from_slice(part.get(..length).unwrap_or_default());
        read.consume(length);
        if length == 0 || line.len() > LONGEST {
            return Ok(None);
        }
        if end.is_some() {
            while line.last().is_some_and(|byte| matches!(byte, b'\r' | b'\n')) {
                line.pop();
            }
            return Ok(Some(line));
        }
    }
}

/// A mail up to its last line, a dot.
async fn data(read: &mut (impl AsyncBufRead + Unpin)) -> std::io::Result<Vec<u8>> {
    let mut mail = Vec::new();
    while let Some(line) = line(read).await? {
        if line == b"." {
            return Ok(mail);
        }
        // A dot at the beginning is doubled on the way (RFC 5321, section 4.5.2).
        mail.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
        mail.extend_from_slice(b"\r\n");
        if mail.len() > LONGEST {
            break;
        }
    }
    Err(std::io::Error::other("the mail is too long, or has no end"))
}

fn read(raw: &[u8]) -> Option<SignInMail> {
    let mail = MessageParser::default().parse(raw)?;
    Some(SignInMail {
        to: mail.to()?.first()?.address()?.to_owned(),
        subject: mail.subject().unwrap_or_default().to_owned(),
        text: mail.body_text(0)?.into_owned(),
        at: clock::now().to_string(),
    })
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    async fn says(address: &str, lines: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(lines.as_bytes()).await.unwrap();
        let mut heard = String::new();
        stream.read_to_string(&mut heard).await.ok();
        heard
    }

    #[tokio::test]
    async fn a_mail_is_taken_and_a_web_page_is_not_listened_to() {
        let mails = Arc::new(SignInMails::default());
        let (address, _listening) = mails.listen().await.unwrap();
        let mail = "ehlo x\r\nMAIL FROM:<a@b.org>\r\nRCPT TO:<zoe@example.org>\r\nDATA\r\nTo: zoe@example.org\r\n\
                    Subject: Votre compte\r\n\r\n..one\r\ntwo\r\n.\r\nQUIT\r\n";
        assert!(says(&address, mail).await.ends_with("221 bye\r\n"));
        let heard =
            says(&address, "POST / HTTP/1.1\r\nHost: x\r\n\r\nEHLO x\r\nDATA\r\nTo: a@b.org\r\n\r\nx\r\n.\r\nQUIT\r\n");
        assert!(!heard.await.contains("250"));
        for _ in 0..500 {
            if !mails.all().is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let all = mails.all();
        assert_eq!(all.len(), 1);
        let first = &all[0];
        assert_eq!((first.to.as_str(), first.subject.as_str()), ("zoe@example.org", "Votre compte"));
        assert_eq!(first.text.replace("\r\n", "\n"), ".one\ntwo\n");
    }
}
