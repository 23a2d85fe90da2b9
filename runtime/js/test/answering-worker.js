/** A worker as an application writes it. */
import { parentPort } from "node:worker_threads";

import ort from "onnxruntime-node";

import { serve } from "../src/worker.js";

serve({ ort }, parentPort);
