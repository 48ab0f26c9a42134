/** The errors that earl throws, by name. */

import {
  AgreementError,
  CheckpointError,
  ConfigError,
  DataError,
  EngineError,
  JudgeError,
  ShapeError,
} from "../../src/errors.ts";

export const ERROR_CLASSES = {
  AgreementError,
  CheckpointError,
  ConfigError,
  DataError,
  EngineError,
  JudgeError,
  ShapeError,
};
