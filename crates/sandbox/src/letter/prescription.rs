//! The prescription of the story, which the patient hands on to a pharmacy. Its kind is the one by which a pharmacy's
//! prescriptions are recognised.

use super::made_up::MadeUp;

/// The prescription.
pub const PRESCRIPTION: MadeUp =
    MadeUp { code: "57833-6", kind: "Prescription de produits de santé", title: "Ordonnance", sections: SECTIONS };

const SECTIONS: &str = r"      <component>
        <section>
          <title>Prescription</title>
          <text>
            <paragraph>Ramipril 5 mg, comprimé : un le matin, pendant six mois.</paragraph>
            <paragraph>Contrôle de la pression artérielle dans un mois.</paragraph>
          </text>
        </section>
      </component>
";
