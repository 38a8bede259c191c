// The page works without this. It only spares the analyst two refusals.

// An approval carries no reasons: while it is chosen, their boxes are out of reach and are not sent.
const settling = document.getElementById("settling");
if (settling) {
  const reasons = document.getElementById("reasons");
  const follow = () => {
    reasons.disabled = settling.elements.outcome.value === "approve";
  };
  settling.addEventListener("change", follow);
  follow();
}

// A form is sent once, however often its button is pressed.
for (const form of document.forms) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
  });
}

// A page that the browser kept and shows again may be sent again.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) for (const form of document.forms) delete form.dataset.sent;
});
