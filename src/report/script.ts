/** The only script of the page: a filter by edit type. Without it every row is there, only the filter is not. */

export const SCRIPT = `
const filter = document.getElementById("task-filter");
if (filter) {
  filter.closest(".filter").hidden = false;
  filter.addEventListener("change", () => {
    const section = document.getElementById("comparisons");
    for (const row of section.querySelectorAll("[data-task]")) {
      row.hidden = filter.value !== "" && row.dataset.task !== filter.value;
    }
    for (const more of section.querySelectorAll("details.more")) more.open = more.open || filter.value !== "";
  });
}`;
