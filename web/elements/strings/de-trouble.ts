/** What to tell when something fails, in German. */

import type { Strings } from './en.js';

const KEPT_SAFE = 'Was schon gespeichert war, bleibt auf dem Server.';
const NOTHING_ELSE = 'Sonst hat sich nichts geändert.';
const NOTHING_LOST = 'Nichts ist verloren: Alles bleibt, wo es ist.';
const HERE_STAYS = 'Was auf diesem Gerät ist, bleibt hier.';

export const trouble: Strings['trouble'] = {
  'permission-denied': {
    what: 'Der Browser hat Kamera, Mikrofon oder Bildschirm nicht erlaubt.',
    safe: NOTHING_ELSE,
    todo: 'Erlauben Sie es in der Adresszeile und versuchen Sie es dann noch einmal.',
  },
  'no-device': {
    what: 'Ein solches Gerät gibt es nicht.',
    safe: NOTHING_ELSE,
    todo: 'Schließen Sie eines an und versuchen Sie es dann noch einmal.',
  },
  'device-busy': {
    what: 'Ein anderes Programm benutzt das Gerät.',
    safe: NOTHING_ELSE,
    todo: 'Schließen Sie jenes Programm und versuchen Sie es dann noch einmal.',
  },
  'source-ended': {
    what: 'Eine Kamera, ein Mikrofon oder ein geteilter Bildschirm ist beendet.',
    safe: 'Das letzte Bild bleibt stehen.',
    todo: 'Ein getrenntes Gerät wird wieder übernommen, sobald es zurück ist. Oder wählen Sie unter Personen ein anderes, oder entfernen Sie es.',
  },
  'sound-ended': {
    what: 'Ein Mikrofon ist beendet.',
    safe: 'Das Bild dazu wird weiter aufgenommen.',
    todo: 'Schließen Sie es wieder an: Es wird von selbst übernommen. Oder wählen Sie unter Personen ein anderes Mikrofon.',
  },
  'source-recovered': { what: 'Das Bild ist wieder da.', safe: '', todo: '' },
  'source-stalled': {
    what: 'Eine Quelle sendet keine neuen Bilder.',
    safe: 'Ihr letztes Bild bleibt stehen.',
    todo: 'Sie kommt von selbst zurück; wenn nicht, nehmen Sie sie noch einmal hinzu.',
  },
  'no-tracks': {
    what: 'Das hat weder Bild noch Ton.',
    safe: NOTHING_ELSE,
    todo: 'Wählen Sie eine andere Kamera, einen anderen Bildschirm oder eine andere Datei.',
  },
  'server-unreachable': {
    what: 'Der Server antwortet nicht.',
    todo: 'Starten Sie den Server wieder; lassen Sie diese Seite offen, dann geht das Senden weiter.',
    idleTodo: 'Starten Sie den Server wieder.',
  },
  'server-error': {
    what: 'Der Server hat einen Fehler gemeldet.',
    todo: 'Versuchen Sie es gleich noch einmal.',
  },
  'upload-failed': {
    what: 'Die Aufnahme konnte nicht gespeichert werden.',
    safe: `${KEPT_SAFE} Der Rest ist auf diesem Gerät.`,
    todo: 'Prüfen Sie den Server und seinen freien Platz, dann drücken Sie Neue Aufnahme: Diese lässt sich retten.',
  },
  'upload-retrying': {
    what: 'Der Speicher antwortet nicht.',
    todo: 'Lassen Sie diese Seite offen: Es wird weiter versucht.',
    idleTodo: '',
  },
  'upload-ended': {
    what: 'Jemand anders hat das Hochladen dieser Aufnahme beendet, oder der Speicher hat sie verloren.',
    safe: 'Die Aufnahme geht allein im Speicher dieses Browsers weiter.',
    todo: 'Beenden Sie sie, sobald es geht: Sie ist dann eine Datei auf diesem Gerät, zum Sichern oder Retten.',
  },
  'title-cut': {
    what: 'Der Titel ist zu lang: Sein Ende wird weggelassen.',
    safe: 'Die Aufnahme trägt seinen Anfang.',
    todo: 'Wählen Sie einen kürzeren, wenn Sie mögen.',
  },
  'timeline-lost': {
    what: 'Der Server hat die Zeitleiste dieser Aufnahme nicht angenommen.',
    safe: 'Die Aufnahme selbst ist ganz gespeichert.',
    todo: 'Sichern Sie die Szene von dieser Seite, wenn Sie sie brauchen.',
  },
  'discard-failed': {
    what: 'Eine verworfene Aufnahme konnte nicht vom Server entfernt werden.',
    safe: 'Die neue Aufnahme hängt nicht davon ab.',
    todo: 'Löschen Sie sie in der Liste der Aufnahmen.',
  },
  'journal-full': {
    what: 'Auf diesem Gerät ist kein Platz mehr für seine Kopie der Aufnahme.',
    safe: 'Was gesendet ist, ist gesichert, und die Aufnahme geht weiter.',
    todo: 'Lassen Sie diese Seite offen und das Netz an; schaffen Sie vor der nächsten Aufnahme Platz.',
  },
  'journal-unavailable': {
    what: 'Dieser Browser hebt auf diesem Gerät keine Kopie der Aufnahme auf.',
    safe: 'Was gesendet ist, ist gesichert, und die Aufnahme geht weiter.',
    todo: 'Lassen Sie diese Seite offen, bis die Aufnahme gesichert ist; ein privates Fenster kann der Grund sein.',
  },
  backlog: {
    what: 'Die Aufnahme wächst schneller, als sie gesendet werden kann.',
    todo: 'Lassen Sie diese Seite nach dem Beenden offen, bis alles gesichert ist, oder wählen Sie für die nächste Aufnahme eine kleinere Bitrate.',
  },
  'no-such-take': {
    what: 'Diese Aufnahme ist nicht mehr auf diesem Gerät.',
    safe: 'Ein anderer Tab hat sie vielleicht abgeschlossen oder verworfen.',
    todo: 'Sehen Sie unter Aufnahmen nach.',
  },
  'take-live': {
    what: 'Diese Aufnahme ist in einem anderen Tab offen.',
    safe: 'Jener Tab behält sie.',
    todo: 'Machen Sie dort weiter, oder schließen Sie jenen Tab und versuchen Sie es noch einmal.',
  },
  'take-damaged': {
    what: 'Was auf diesem Gerät ist, ist beschädigt und lässt sich nicht zusammensetzen.',
    safe: KEPT_SAFE,
    todo: 'Laden Sie herunter, was hier ist; der Server kann abschließen, was er hat.',
  },
  'recovery-unavailable': {
    what: 'Nach unfertigen Aufnahmen auf diesem Gerät konnte nicht gesehen werden.',
    safe: 'Nichts wurde gelöscht, und aufnehmen geht.',
    todo: 'Es wird von selbst noch einmal versucht; bleibt das so, schließen Sie andere Tabs dieser Seite oder laden Sie sie neu.',
  },
  'upload-recovered': { what: 'Das Senden geht weiter.', safe: 'Nichts ging verloren.', todo: '' },
  governor: {
    what: 'Dieses Gerät ist ausgelastet, darum werden Bilder mit weniger Aufwand kodiert.',
    todo: 'Schließen Sie andere Programme, oder wählen Sie in den Einstellungen ein kleineres Bild.',
  },
  'limit-near': {
    what: 'Die Aufnahme ist nahe an ihrer größten erlaubten Länge.',
    todo: 'Kommen Sie zum Ende.',
  },
  'limit-reached': {
    what: 'Die Aufnahme hat ihre größte erlaubte Länge erreicht.',
    safe: 'Sie wurde sauber beendet und ist aufgehoben.',
    todo: 'Starten Sie eine neue Aufnahme, um weiterzumachen.',
  },
  'capture-fallback': {
    what: 'Dieser Browser nimmt auf eine langsamere Weise auf.',
    todo: 'Lassen Sie diesen Tab sichtbar.',
  },
  unauthorized: {
    what: 'Der Server nimmt den Schlüssel dieser Seite nicht mehr an: Er ist abgelaufen oder wurde zurückgezogen.',
    todo: 'Öffnen Sie diese Adresse in einem anderen Tab und melden Sie sich dort an, wenn Sie gefragt werden: Dann geht das Senden von selbst weiter. Laden Sie diese Seite nicht neu.',
    idleTodo: 'Laden Sie die Seite neu, und melden Sie sich an, wenn Sie gefragt werden.',
  },
  'left-for-later': {
    what: 'Die Aufnahme bleibt für später liegen.',
    safe: 'Alles davon ist auf diesem Gerät aufgehoben.',
    todo: 'Retten Sie sie oder laden Sie sie herunter, aus der Liste der unfertigen Aufnahmen.',
  },
  forbidden: {
    what: 'Dieses Konto darf nicht aufnehmen.',
    safe: 'Nichts wurde geändert.',
    todo: 'Bitten Sie den Besitzer um Zugang.',
  },
  'recording-disabled': {
    what: 'Aufnehmen ist auf diesem Server abgeschaltet.',
    safe: 'Nichts wurde geändert.',
    todo: 'Setzen Sie RECORDING_ENABLED=true und starten Sie den Server neu.',
  },
  'engine-load-failed': {
    what: 'Die Aufnahmetechnik konnte nicht geladen werden.',
    safe: 'Es wurde nichts aufgenommen.',
    todo: 'Prüfen Sie die Verbindung und laden Sie die Seite neu.',
  },
  'engine-failed': {
    what: 'Die Aufnahmetechnik ist stehen geblieben.',
    safe: KEPT_SAFE,
    todo: 'Starten Sie eine neue Aufnahme.',
  },
  'unsupported-browser': {
    what: 'Dieser Browser kann hier nicht aufnehmen.',
    safe: 'Es wurde nichts aufgenommen.',
    todo: 'Nehmen Sie einen aktuellen Chromium, Firefox oder Safari.',
  },
};

export const salvaging: Strings['salvaging'] = {
  'server-unreachable': {
    what: 'Der Server antwortet nicht.',
    safe: NOTHING_LOST,
    todo: 'Versuchen Sie es noch einmal, wenn er zurück ist, oder laden Sie herunter, was hier ist.',
  },
  'server-error': {
    what: 'Der Server hat einen Fehler gemeldet.',
    safe: NOTHING_LOST,
    todo: 'Versuchen Sie es gleich noch einmal, oder laden Sie herunter, was hier ist.',
  },
  'upload-failed': {
    what: 'Die Aufnahme konnte nicht gespeichert werden.',
    safe: HERE_STAYS,
    todo: 'Versuchen Sie es noch einmal, oder laden Sie herunter, was hier ist.',
  },
  unauthorized: {
    what: 'Der Server nimmt den Schlüssel dieser Seite nicht an: Er ist abgelaufen, wurde zurückgezogen, oder es gibt keinen.',
    safe: NOTHING_LOST,
    todo: 'Laden Sie die Seite neu und melden Sie sich an, wenn Sie gefragt werden, dann retten Sie die Aufnahme; oder laden Sie herunter, was hier ist.',
  },
  forbidden: {
    what: 'Dieses Konto darf die Aufnahme nicht abschließen.',
    safe: NOTHING_LOST,
    todo: 'Bitten Sie den Besitzer um Zugang, oder laden Sie herunter, was hier ist.',
  },
  'not-found': {
    what: 'Der Server hat diese Aufnahme nicht mehr.',
    safe: HERE_STAYS,
    todo: 'Laden Sie herunter, was hier ist, und heben Sie die Datei auf: Sie kann die einzige Kopie sein.',
  },
  'other-server': {
    what: 'Diese Aufnahme entstand für einen anderen Server oder ein anderes Konto.',
    safe: NOTHING_LOST,
    todo: 'Retten Sie sie auf der Seite, für die sie aufgenommen wurde, oder laden Sie herunter, was hier ist.',
  },
  'storage-unavailable': {
    what: 'Der Browser öffnet seinen Speicher gerade nicht.',
    safe: NOTHING_LOST,
    todo: 'Schließen Sie andere Tabs dieser Seite und versuchen Sie es dann noch einmal.',
  },
  'engine-load-failed': {
    what: 'Die Aufnahmetechnik konnte nicht geladen werden.',
    safe: NOTHING_LOST,
    todo: 'Prüfen Sie die Verbindung und versuchen Sie es dann noch einmal.',
  },
  'engine-failed': {
    what: 'Die Aufnahme konnte nicht zusammengesetzt werden.',
    safe: NOTHING_LOST,
    todo: 'Versuchen Sie es noch einmal, oder laden Sie herunter, was hier ist.',
  },
};

export const media: Strings['media'] = {
  safe: NOTHING_ELSE,
  devices: {
    camera: 'die Kamera',
    microphone: 'das Mikrofon',
    'camera and microphone': 'Kamera und Mikrofon',
    screen: 'den Bildschirm',
  },
  screenDenied: 'Der Bildschirm wird nicht geteilt.',
  screenDeniedTodo: 'Drücken Sie noch einmal Bildschirm teilen und wählen Sie Bildschirm, Fenster oder Tab.',
  denied: (device) => `Der Browser erlaubt ${device} nicht.`,
  deniedTodo:
    'Erlauben Sie es mit dem Zeichen in der Adresszeile und versuchen Sie es noch einmal. Ein Gast geht ohne.',
  none: (device) => `Der Browser findet ${device} nicht.`,
  noneTodo: 'Schließen Sie ein Gerät an und versuchen Sie es noch einmal, oder nehmen Sie stattdessen einen Gast.',
  busy: (device) => `Der Browser bekommt ${device} nicht: belegt oder nicht zu starten.`,
  busyTodo: 'Schließen Sie andere Programme, die es benutzen, und versuchen Sie es noch einmal.',
  failed: (device) => `Der Browser konnte ${device} nicht öffnen.`,
  failedTodo: 'Versuchen Sie es noch einmal, oder wählen Sie etwas anderes.',
  insecureTodo: 'Öffnen Sie diese Seite über https oder auf localhost.',
};

export const taking: Strings['taking'] = {
  kept: 'Was aufgenommen ist, wird auf diesem Gerät aufgehoben, bis es gespeichert ist.',
  nothingRuns: 'Keine Aufnahme läuft, also geht nichts verloren.',
  goesOn: 'Die Aufnahme geht weiter.',
  tokenMissing: 'Der Server verlangt einen Schlüssel, und diese Seite hat keinen.',
  tokenExpired: 'Der Schlüssel dieser Seite ist abgelaufen.',
  tokenUnknown: 'Der Server kennt den Schlüssel dieser Seite nicht: Er ist falsch oder wurde gelöscht.',
  tokenForbidden: 'Der Schlüssel dieser Seite erlaubt das nicht.',
};
