"""A doctor's day with Python's smtplib and imaplib: send, read, flag, file, answer, empty.

Arguments: CA ADDRESS PASSWORD SUBMISSION SUBMISSIONS IMAP IMAPS MARKER
"""
import email
import email.policy
import imaplib
import smtplib
import ssl
import sys
import time
from email.message import EmailMessage

ca, address, password, submission, submissions, imap, imaps, marker = sys.argv[1:9]
context = ssl.create_default_context(cafile=ca)


def letter(subject):
    message = EmailMessage()
    message["From"] = address
    message["To"] = address
    message["Subject"] = subject
    message["Message-ID"] = f"<{subject}@desk.test>"
    message.set_content("Compte rendu accentué.\n.une ligne qui commence par un point\n")
    message.add_attachment(bytes(range(256)) * 40, maintype="application", subtype="pdf", filename="été.pdf")
    return message


# On 587 with STARTTLS, then on 465.
with smtplib.SMTP("localhost", int(submission)) as smtp:
    smtp.ehlo()
    assert not smtp.has_extn("auth"), "AUTH is offered in clear"
    smtp.starttls(context=context)
    smtp.login(address, password)
    assert smtp.send_message(letter(marker + "-a")) == {}
with smtplib.SMTP_SSL("localhost", int(submissions), context=context) as smtp:
    try:
        smtp.login(address, "wrong")
        raise SystemExit("a wrong password was taken")
    except smtplib.SMTPAuthenticationError as error:
        assert error.smtp_code == 535, error
    smtp.login(address, password)
    assert smtp.send_message(letter(marker + "-b")) == {}
    try:
        smtp.sendmail("quelqu-un.autre@clinique-voisine.mssante.fr", [address], b"From: <x@y.fr>\r\n\r\n")
        raise SystemExit("another's address was taken")
    except smtplib.SMTPSenderRefused as error:
        assert b"[sender-not-owned]" in error.smtp_error, error


def found(box, subject):
    status, data = box.search(None, "HEADER", "Message-ID", f"<{subject}@desk.test>")
    assert status == "OK", data
    return data[0].split()


# On 143 with STARTTLS.
box = imaplib.IMAP4("localhost", int(imap))
assert "LOGINDISABLED" in box.capabilities, box.capabilities
box.starttls(ssl_context=context)
try:
    box.login(address, "wrong")
    raise SystemExit("a wrong password was taken")
except imaplib.IMAP4.error:
    pass
box.login(address, password)
status, folders = box.list()
assert status == "OK"
for use in (b"\\Sent", b"\\Drafts", b"\\Trash", b"\\Junk"):
    assert any(use in line for line in folders), (use, folders)

# Wait for both, with a deadline, by NOOP as a program does.
deadline = time.monotonic() + 30
box.select("INBOX")
while not (found(box, marker + "-a") and found(box, marker + "-b")):
    assert time.monotonic() < deadline, "the letters did not arrive"
    box.noop()
number = found(box, marker + "-a")[0]
status, data = box.fetch(number, "(FLAGS UID RFC822.SIZE INTERNALDATE ENVELOPE BODYSTRUCTURE BODY.PEEK[])")
assert status == "OK", data
message = email.message_from_bytes(data[0][1], policy=email.policy.default)
attachment = next(message.iter_attachments())
assert attachment.get_content() == bytes(range(256)) * 40
assert attachment.get_filename() == "été.pdf"
assert b"\\Seen" not in data[0][0], "PEEK has marked it as read"
status, data = box.store(number, "+FLAGS", "(\\Seen \\Flagged archive)")
assert status == "OK" and b"archive" in data[0], data

# File it in a folder with an accent, take it back out, answer into Sent.
folder = '"Envoy&AOk-s/2026"'
if (box.create(folder)[0]) != "OK":
    raise SystemExit("the folder could not be made")
assert box.uid("COPY", box.fetch(number, "(UID)")[1][0].split()[-1].rstrip(b")"), folder)[0] == "OK"
assert box.append("Sent", "(\\Seen)", imaplib.Time2Internaldate(time.time()), letter(marker + "-c").as_bytes(policy=email.policy.SMTP))[0] == "OK"
status, data = box.status(folder, "(MESSAGES UIDNEXT UIDVALIDITY UNSEEN RECENT)")
assert b"MESSAGES 1" in data[0], data
box.select("Sent")
assert found(box, marker + "-c")
box.select("INBOX")
number = found(box, marker + "-a")[0]
box.store(number, "+FLAGS", "\\Deleted")
assert box.expunge()[0] == "OK"
assert not found(box, marker + "-a")
assert box.rename(folder, '"Envoy&AOk-s/autre"')[0] == "OK"
assert box.delete('"Envoy&AOk-s/autre"')[0] == "OK"
box.close()
box.logout()

# On 993.
box = imaplib.IMAP4_SSL("localhost", int(imaps), ssl_context=context)
box.authenticate("PLAIN", lambda _: f"\0{address}\0{password}".encode())
box.select("INBOX", readonly=True)
assert found(box, marker + "-b")
box.logout()
