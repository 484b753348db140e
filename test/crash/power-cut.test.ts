import { powerCuts, testScenarios } from "./points.ts";

testScenarios("whatever was answered is there once after a power cut, the rest is whole or absent", powerCuts);
