import js from "@eslint/js";

export default [
  js.configs.recommended,
  {
    rules: {
      "no-undef": "off", // the type checker knows the browser's names
      "no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
      "no-restricted-properties": [
        "error",
        { property: "innerHTML", message: "names are text: use dom.js" },
        { property: "outerHTML", message: "names are text: use dom.js" },
        { property: "insertAdjacentHTML", message: "names are text: use dom.js" },
      ],
      eqeqeq: "error",
      "no-var": "error",
      "prefer-const": "error",
    },
  },
];
