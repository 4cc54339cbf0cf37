// Starts Swagger UI on the API's page; a classic script, because it waits for the bundle that is one too.
window.addEventListener("DOMContentLoaded", () => {
  const place = document.getElementById("swagger");
  window.SwaggerUIBundle({ url: place.dataset.url, domNode: place, deepLinking: true, validatorUrl: null, supportedSubmitMethods: ["get"] });
});
