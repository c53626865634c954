// One action of the unmodified JavaScript client: node client.mjs ACTION REPO [ARGUMENTS], result as JSON on stdout.
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import * as hub from "@huggingface/hub";

const [action, name, ...rest] = process.argv.slice(2);
const common = { hubUrl: process.env.HF_ENDPOINT, accessToken: process.env.HF_TOKEN };
const repo = name?.startsWith("datasets/") ? { type: "dataset", name: name.slice(9) } : { type: "model", name };
const files = (root) =>
	readdirSync(root, { recursive: true, withFileTypes: true })
		.filter((entry) => entry.isFile())
		.map((entry) => join(entry.parentPath ?? entry.path, entry.name));

const actions = {
	async create() {
		return await hub.createRepo({ ...common, repo, private: rest[0] === "private" });
	},
	async upload([root]) {
		const blobs = files(root).map((path) => ({ path: relative(root, path), content: new Blob([readFileSync(path)]) }));
		return await hub.uploadFiles({ ...common, repo, files: blobs, useXet: true });
	},
	async list([revision]) {
		const found = [];
		for await (const file of hub.listFiles({ ...common, repo, recursive: true, revision })) found.push(file);
		return found;
	},
	async download([path, target, start, end]) {
		let blob = await hub.downloadFile({ ...common, repo, path });
		if (blob === null) return null;
		if (start !== undefined) blob = blob.slice(Number(start), Number(end));
		writeFileSync(target, Buffer.from(await blob.arrayBuffer()));
		return blob.size;
	},
	async info([path]) {
		return await hub.pathsInfo({ ...common, repo, paths: [path] });
	},
	async exists([path]) {
		return await hub.fileExists({ ...common, repo, path });
	},
	async delete([path]) {
		return await hub.deleteFile({ ...common, repo, path });
	},
	async commits([revision]) {
		const found = [];
		for await (const commit of hub.listCommits({ ...common, repo, revision, batchSize: 2 })) found.push(commit.title);
		return found;
	},
	async models([owner]) {
		const found = [];
		for await (const model of hub.listModels({ ...common, search: { owner } })) found.push(model.name);
		return found;
	},
	async snapshot([cacheDir]) {
		return await hub.snapshotDownload({ ...common, repo, cacheDir });
	},
	async destroy() {
		return await hub.deleteRepo({ ...common, repo });
	},
	async whoami() {
		return (await hub.whoAmI(common)).name;
	},
};

console.log(JSON.stringify((await actions[action](rest)) ?? null));
