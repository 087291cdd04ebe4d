"""A day in an admin's life, by the command line only. Run again, it changes nothing and says so.

Arguments: PLI CONFIG FOLDER PROGRAM'S-ACCOUNT OLD-SUBJECT NEW-SUBJECT CONNECTOR-SUBJECT

Yesterday's work is there already: `vacances@` is suspended, `ancien@` is to go. Prints a JSON line for each step.
"""
import json
import os
import subprocess
import sys

pli, config, folder, program, old_subject, new_subject, connector_subject = sys.argv[1:8]
domain = "pharmacie-du-pont.mssante.fr"


def run(*words, given=None):
    command = [pli, *words, "--config", config, "-o", "json"]
    return subprocess.run(command, input=given, capture_output=True, text=True)


def done(step, *words, given=None):
    ended = run(*words, given=given)
    if ended.returncode != 0:
        raise SystemExit(f"{step}: {words}: exit {ended.returncode}: {ended.stderr}")
    told = json.loads(ended.stdout)
    print(json.dumps({"step": step, "outcome": told["outcome"]}))
    return told


def rows(step, noun, name, text):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    ended = run(noun, "add", "--file", path)
    if ended.returncode != 0:
        raise SystemExit(f"{step}: exit {ended.returncode}: {ended.stdout}{ended.stderr}")
    for row in json.loads(ended.stdout):
        print(json.dumps({"step": f"{step}, line {row['line']}", "outcome": row["outcome"]}))


def refused(step, code, exit_status, *words):
    ended = run(*words)
    if ended.returncode != exit_status or f"error[{code}]" not in ended.stderr:
        raise SystemExit(f"{step}: exit {ended.returncode}: {ended.stderr}")


# A pharmacy opens: three mailboxes, four people.
rows("the pharmacy's mailboxes", "mailbox", "mailboxes.csv", f"""\
address;type;rpps;finess;responsible;service;display_name
comptoir@{domain};ORG;;990000044;Mme Pont;Comptoir;Pharmacie du Pont
garde@{domain};ORG;;990000044;Mme Pont;Garde;Pharmacie du Pont, garde
titulaire@{domain};PER;10003441234;;;;Jeanne Pont
""")
rows("the pharmacy's people", "account", "people.csv", f"""\
name;rpps;display_name;mailboxes
j.pont;10003441234;Jeanne Pont;titulaire@{domain},comptoir@{domain},garde@{domain}
a.martin;10003442216;Anne Martin;comptoir@{domain},garde@{domain}
l.petit;;Luc Petit;comptoir@{domain}
s.roche;;Sonia Roche;comptoir@{domain}
""")
done("a password is typed in", "account", "passwd", "l.petit", given="correct horse battery staple\n")
done("a mail program gets its own", "account", "app-password", "add", "s.roche",
     "--mailbox", f"comptoir@{domain}", "--label", "Thunderbird, comptoir")
done("one more works at night", "account", "grant", "l.petit", f"garde@{domain}", "--default")
done("the mailbox may hold a gigabyte", "mailbox", "set", f"comptoir@{domain}", "--quota", "1GiB")

# The country's directory, of today.
headings = ("Type de BAL|Adresse BAL|Type Identifiant PP|Identifiant PP|Identification nationale PP|Type identifiant "
            "structure|Identification Structure|Service de rattachement|Civilité d'exercice|Nom d'exercice|Prénom "
            "d'exercice|Catégorie profession|Libellé de catégorie profession|Code Profession|Libellé Profession|Code "
            "savoir-faire|Libellé savoir-faire|Dématérialisation|Raison Sociale structure BAL|Enseigne commerciale "
            "structure BAL|L2COMPLEMENTLOCALISATION|L3COMPLEMENTDISTRIBUTION|L4NUMEROVOIE|L4COMPLEMENTNUMEROVOIE|"
            "NL4TYPEVOIE|L4LIBELLEVOIE|L5LIEUDITMENTION|L6LIGNEACHEMINEMENT|Code postal|Département|Pays")
line = ("PER|zoe.lefevre@cabinet.mssante.fr|8|10003441234|810003441234|1|990000010||DR|LEFÈVRE|Zoé|C|Civil|10|Médecin|"
        "SM04|Cardiologie|O|CABINET DU PONT|||||||||75014 PARIS|75014|Paris|France")
extraction = os.path.join(folder, "extraction.txt")
with open(extraction, "w", encoding="utf-8") as file:
    file.write(f"{headings}\n{line}\n")
done("the national directory is imported", "directory", "import", extraction)

# Who is seen, who is not, who is away, who is back.
done("the counter is published", "mailbox", "publish", f"comptoir@{domain}")
done("its owner too", "mailbox", "publish", f"titulaire@{domain}")
done("the night duty is not to be found", "mailbox", "set", f"garde@{domain}", "--liste-rouge", "yes")
refused("the night duty is not published", "mailbox-unlisted", 4, "mailbox", "publish", f"garde@{domain}")
done("no duty this month", "mailbox", "suspend", f"garde@{domain}", "--reason", "no duty until July")
done("back from holidays", "mailbox", "resume", f"vacances@{domain}")

# The hospital's machine gets another certificate: the new one first, so that its mail never stops.
done("the new certificate", "account", "certificate", "add", program, "--subject", new_subject)
done("the old certificate", "account", "certificate", "revoke", program, old_subject, "--reason", "rotated")

# A hospital's laboratory plugs in its own server, to send as one address.
done("the laboratory's connector", "connector", "add", "laboratoire", "--certificate-name", connector_subject,
     "--address", "laboratoire@ch-exemple.mssante.fr")

# One mailbox goes, with what it holds in the admin's hands first.
done("the old mailbox goes", "mailbox", "delete", f"ancien@{domain}", "--reason", "the practice has closed",
     "--now", "--export", os.path.join(folder, "ancien"))
