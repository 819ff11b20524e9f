// Node.js: a method and URLs, of which the last is asked for by that method, with fetch.

const [method, ...urls] = process.argv.slice(2);

for (const [number, url] of urls.entries()) {
  const post = number === urls.length - 1 && method === "POST";
  try {
    const answer = await fetch(url, post ? { method, body: "a=b" } : {});
    await answer.text();
  } catch {
    continue;
  }
  // The connection is free a moment after the answer is.
  await new Promise((done) => setTimeout(done, 50));
}
process.exit(0);
