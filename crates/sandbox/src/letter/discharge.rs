//! The hospital's document of the story: a short report on a day there.

use super::made_up::MadeUp;

/// The report.
pub const DISCHARGE: MadeUp = MadeUp {
    code: "34112-3",
    kind: "CR hospitalier",
    title: "Compte rendu d'hospitalisation de jour",
    sections: SECTIONS,
};

const SECTIONS: &str = r"      <component>
        <section>
          <title>Motif</title>
          <text>
            <paragraph>Bilan programmé d'une hypertension artérielle connue depuis trois ans.</paragraph>
          </text>
        </section>
      </component>
      <component>
        <section>
          <title>Examens</title>
          <text>
            <table>
              <thead><tr><th>Examen</th><th>Résultat</th></tr></thead>
              <tbody>
                <tr><td>Pression artérielle moyenne, 24 heures</td><td>132/81 mmHg</td></tr>
                <tr><td>Créatinine</td><td>68 µmol/l</td></tr>
                <tr><td>Électrocardiogramme</td><td>rythme sinusal, sans anomalie</td></tr>
              </tbody>
            </table>
          </text>
        </section>
      </component>
      <component>
        <section>
          <title>Conclusion</title>
          <text>
            <paragraph>Pression artérielle équilibrée sous traitement. Traitement inchangé.</paragraph>
            <paragraph>Consultation de contrôle chez le médecin traitant dans six mois.</paragraph>
          </text>
        </section>
      </component>
";
