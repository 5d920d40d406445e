// Presets fill the fields in place (without JavaScript they are links), then one check updates the preview.
const form = document.getElementById("bot-form");

function put(name, value) {
  const field = form.elements[name];
  if (!field) return;
  if (field.type === "checkbox") field.checked = Boolean(value);
  else field.value = value;
}

function apply(event) {
  event.preventDefault();
  const link = event.currentTarget;
  const values = JSON.parse(document.getElementById(link.dataset.preset).textContent);
  for (const [name, value] of Object.entries(values)) put(name, value);
  for (const other of form.querySelectorAll("[data-preset]")) other.removeAttribute("aria-current");
  link.setAttribute("aria-current", "true");
  form.elements.stop_loss.dispatchEvent(new Event("change", { bubbles: true }));
}

for (const link of form.querySelectorAll("[data-preset]")) link.addEventListener("click", apply);
