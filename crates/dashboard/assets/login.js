// Says that a token was wrong: the page comes back by its own address then.
if (location.pathname === "/login") {
  document.getElementById("said").textContent = "That is not the token. Ten tries a minute are heard.";
}
