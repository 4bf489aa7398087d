// What ion-js reads in each line's "ion", as JSON, and what it writes of each line's "json".
import readline from "node:readline";
import * as ion from "ion-js";

for await (const line of readline.createInterface({ input: process.stdin })) {
    const { ion: bytes, json } = JSON.parse(line);
    const read = ion.load(Buffer.from(bytes, "base64"));
    const written = ion.dumpBinary(JSON.parse(json));
    console.log(JSON.stringify({ json: read, ion: Buffer.from(written).toString("base64") }));
}
